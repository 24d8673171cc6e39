"""Words that stand beside the names of people: titles, kinship, trades, what people do and have."""

from __future__ import annotations

import re

from sheaf.verification.personal.kind import by_letter, endings, wordset

TITLES = wordset(
    """mr mrs ms miss mister dr prof professor sir madam madame mme mlle monsieur herr frau fräulein señor señora sr
    sra srta signor signora sig dhr mevr rev reverend father sister brother capt captain sgt sergeant lt
    lieutenant col colonel gen general judge justice senator president officer aunt uncle lord lady dame baron
    baroness count countess duke duchess prince princess pope rabbi imam sheikh congressman congresswoman
    representative governor mayor chancellor corporal private major admiral commander detective inspector"""
)
"""Titles that stand right before a name, capitalised or not."""

KIN = wordset(
    """kid kids child son daughter brother sister mother father mom mum dad wife husband spouse partner fiancé fiancée
    boyfriend girlfriend friend buddy neighbour neighbor colleague coworker boss roommate flatmate cousin aunt
    uncle nephew niece grandmother grandfather grandma grandpa granny twin baby godfather godmother stepfather
    stepmother stepson stepdaughter widow widower guardian heir beneficiary landlord tenant classmate teammate
    schoolmate mentor pupil"""
)
"""What somebody is to somebody, before a name."""

TRADES = wordset(
    """producer singer songwriter guitarist drummer bassist pianist violinist composer conductor musician rapper artist
    painter sculptor photographer architect designer author writer novelist poet playwright journalist
    reporter editor columnist critic historian philosopher scientist physicist chemist biologist
    mathematician economist psychologist inventor explorer astronaut pilot actor actress comedian director
    filmmaker screenwriter star model dancer player footballer midfielder striker defender goalkeeper
    quarterback golfer boxer wrestler swimmer runner cyclist skier driver coach manager captain trainer
    champion athlete politician minister leader senator governor mayor spokesman spokeswoman spokesperson
    ambassador diplomat lawyer attorney solicitor barrister judge prosecutor detective doctor physician
    surgeon nurse dentist therapist teacher lecturer tutor student graduate engineer developer programmer
    analyst consultant accountant banker broker trader investor entrepreneur businessman businesswoman
    founder cofounder co-founder ceo cto cfo coo chairman chairwoman chairperson chair executive secretary
    treasurer assistant clerk agent farmer baker butcher carpenter plumber electrician mechanic chef cook
    waiter waitress barber pastor priest bishop monk nun saint king queen emperor soldier veteran officer
    suspect victim witness defendant plaintiff patient customer client employee applicant candidate
    contestant winner host hostess presenter anchor narrator creator keynote speaker resident survivor
    activist hero legend billionaire frontman frontwoman vocalist gunman
    ex-president ex-wife ex-husband ex-boss"""
)
"""What somebody is, before a name."""

KIN_OR_TRADE = KIN | TRADES

LABEL = re.compile(
    r" (?:address|from|to|cc|bcc|attn|author|by|sender|recipient|passenger|guest|contact|assignee|owner"
    r"|holder|reporter|organi[sz]er|artist|tenant|buyer|seller|payee) ?:$"
)
"""Labels before whole names."""

TURNING = wordset(
    """
    me, you, yes, no, please, sorry, thanks, oh, ok, okay, right, bye, night, morning, luck, listen,
    look, welcome, indeed, again, best, love, warmly, xoxo,
    """
)
"""How one turns to somebody, before a name that ends what is said."""

INTRODUCED = endings(
    """
    name | name is | name's | name’s | name was | names are | named | called him | called her | call me |
    calls me | calls him | calls her | call him | call her | people call me | i am | i'm | i’m | this is |
    it's under | it’s under | it is under | under the name | under the name of | under the names of | in the
    name of | name of | known as | aka | alias | nicknamed | named him | named her | named after | name on
    the account is | name on the account? user | change it to | spoke to | spoke with | speak to | speak
    with | speaking to | speaking with | talk to | talk with | talking to | talking with | talked to |
    talked with | meet with | met with | meeting with | chat with | chatting with | dear | hi | hello | hey
    | bye | regards | sincerely | cheers | yours | thanks | thank you | signed | signed by | written by |
    directed by | produced by | performed by | composed by | photo by | painted by | sung by | played by |
    created by | founded by | invented by | discovered by | sent by | posted by | reported by | reviewed by
    | prepared by | approved by | reviewer | authored by | starring | featuring | featured | features |
    stars | feat. | ft. | attn | attention | contact | cardholder | account holder | card holder | policy
    holder | policyholder | son of | daughter of | wife of | husband of | mother of | father of | brother of
    | sister of | friend of | friends with | widow of | assistant to | secretary to | adviser to | advisor
    to | deputy to | assigned to | reports to | reporting to | addressed to | married to | married |
    m'appelle | heiße | me llamo | mi chiamo | nombre es | nome è | on behalf of | signature | succeeded by
    | replaced by | followed by | led by | headed by | chaired by | hosted by | joined by | accompanied by |
    interview with | interviewed | conversation with | letter from | letter to | email from | message from |
    call from | note from | biography of | portrait of | murder of | death of | arrest of | gender of | age
    of | works of | life of | career of | wedding of | funeral of | memory of | birthday of | children of |
    parents of | account of | records of | passport of | likes of | fan of | fans of | surname | last name |
    first name | maiden name | full name | middle name | nickname | username of | last name? | your name? |
    full name? | first name? | surname? | name? | who is | who's | who was | where is | why is | when is |
    why did | where did | when did | why does | where does | how is | how did | how was | does | did |
    between him and | between her and | him and | her and | and i, | me and | with me and
    """
)
"""Words after which a name is likely; those that say so of themselves stand in `NAMED`."""

NAMED = endings(
    """
    name | name is | name's | name’s | names are | called him | called her | call me | calls me | call him |
    call her | named him | named her | under the name of | i am | i'm | i’m | surname | last name | first
    name | maiden name | full name | surname is | last name? | your name? | full name? | nickname is |
    m'appelle | me llamo | mi chiamo | nome è | nombre es | starring | directed by | written by
    """
)

PLACED = wordset("in at from to of the near into via through across around outside for")
"""After these a capitalised word is likely a place or a thing."""

SPEECH = endings(
    """
    says | said | explained | told | asked | replied | added | wrote | recalls | recalled | according to |
    shouted at | yelled at | smiled at | invited | met | thanked | asks | tells | hired | fired | arrested |
    married | kissed | hugged | phoned | texted | emailed | remind
    """
)
"""What is done by people and to people, before a name."""

BESIDE = endings(
    """
    meet | accused | killed | saw | heard | visited | joined | helped | loves | loved | hates | missed |
    misses | knew | knows | remember | remembers | notify | ask | tell | remove | add | adding | contacted |
    appointed | elected | unlike | besides | not by | by | given
    """
)
"""What is also done to things, before a name: tells only where the word is none of English."""

_VERBS = (
    "lives|lived|resides|resided|was born|got married|got divorced|died|grew up|began writing|smiled"
    "|laughed|nodded|sighed|shouted|whispered|cried|yelled"
    "|screamed|shrugged|frowned|winked|blushed|wept|stared|glanced|grinned|mumbled|muttered|murmured"
    "|exclaimed|shook|kissed|hugged|spent (?:a|the|his|her|some|many|most|two|three|several)"
    "|studied|speaks?|spoke|sings|sang|listed (?:his|her)|went to|came to|drove|walked|ran (?:to|away"
    "|off)|slept|woke|ate|drank|wore|taught|married|retired|flew (?:to|from|in)|travell?ed|arrived|sat"
    "|stood"
    "|loves|loved|hates|hated|likes|liked|wants|wanted|thinks|thought|believes|believed|knows|knew|feels"
    "|felt|hopes|hoped|remembers|remembered|forgot|enjoys|enjoyed|prefers|preferred"
    "|says|said|explains|explained|told|tells|asks|asked|replies|replied|adds|added|writes|wrote|recalls"
    "|recalled|argues|argued|insists|insisted|admits|admitted|claims|claimed|denied|denies|complained"
    "|confessed"
    "|phoned|emailed|texted|visited|invited|met|helped|begged|refused|apologi[sz]ed|promised|graduated"
    "|sued|pleaded|testified|scored|tweeted"
    "|had given|had told|had asked|has been under debate|will be (?:talking|speaking|singing|there|here"
    "|back|late|joining|attending|performing|presenting)|is (?:coming|talking|speaking|sleeping|singing"
    "|married|pregnant|sick|ill|tired|happy|sad|angry|my|his|her|our|their|so|the keynote|not here"
    "|out of|on (?:leave|vacation|holiday))"
    "|is an? (?:\\w+ )?(?:\\d|man|woman|boy|girl|teacher|student|doctor|nurse|friend|lawyer|singer|actor"
    "|actress|writer|painter|player|citizen|comedian|patient|good|nice|great|very|year)"
    "|, (?:aged )?\\d\\d?,"
    "|(?:is|was|comes|came) (?:originally )?from|called (?:me|him|her|us|you|them|back)|employs|teaches|works (?:at|for|as|in|with)"
    "|worked (?:at|for|as|in|with)|plays|played|won"
)
LIFE = re.compile(
    rf" (?:{by_letter(_VERBS)})\b"
    r"|['’]s (?:wife|husband|son|daughter|kids?|child|children|mother|father|brother|sister|parents"
    r"|family|partner|boss|boyfriend|girlfriend"
    r"|birthday|wedding|funeral|house|flat|apartment|car|e-?mail|killers?|friends?|address|phone|number"
    r"|name|death|career|life|health|body|voice|face|hands?|eyes"
    r"|album|novel|songs?|poems?|books?|paintings?|lyrics|biography|diary|account|salary|passport|doctor"
    r"|room|office|work|idea|theory|philosophy)\b"
    r"|, (?:can|could|would|will) (?:I|you|we)\b|,? (?:who|whose|whom) |, (?:aged|a resident|a former)\b"
    r"|['’]s here\b"
)
"""What people do or have, after a name."""

GOES_ON = re.compile(
    r",? (?:from|of|is|was|has|had|will|can|could|would|and|who|at|did|does|says?|said)\b|['’]s "
)
"""How a sentence that begins with a name often goes on."""

SPOKEN = re.compile(r" ?: ?[\"“'‘A-ZÀ-Þ]")
"""A name before what its bearer says."""

WORKS = re.compile(
    r" (?:novel|novels|album|song|songs|concert|concerts|version|biography|interview|speech|painting"
    r"|film|movie|show|poem|poems|play|book|books|quote|"
    r"family|estate|wedding|funeral|trial|case|murder|verdict|administration|fan|fans|brothers|sisters"
    r"|twins|residence|memoir|story|impression|cover|remix)\b"
)
"""What is called by the name of who made it, after a name and an article."""

STREETS = wordset(
    """street st str road rd avenue ave lane ln court ct square sq boulevard blvd terrace crescent highway hwy parkway turnpike
    bypass strasse straße gasse platz allee rua rue via calle avenida avda plaza piazza camino paseo vicolo
    viale corso ul ulica os utca út tér place pl drive dr usns uss usnv uscgc psc apo fpo dpo p.o box cove
    coves junction mountain mount lake river creek island
    islands beach bay valley county park bridge forges greens rapids saint"""
)
"""Words of the names of streets and places."""

NUMBER_AFTER = re.compile(
    r",? (?:\d{1,4}[a-z]?(?![\w%])|(?:street|road|avenue|lane|u\.|út|utca|tér|köz|ut\.|sq|str|union|pass"
    r"|hill|trail|flat|cliffs|terrace|heights|way|green|harbor|turnpike|bypass|greens|bridge)\b)",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"\d{1,5}[a-z]?,?")
STREETS_FIRST = wordset("rua rue via calle avenue boulevard place ul. al. st.")
STREETS_LINK = wordset("de do da la del des")
"""Numbers, words and links that stand before the names of streets."""
LANDS = wordset(
    """africa america asia europe australia antarctica oceania england scotland wales britain ireland france germany italy spain portugal
    poland denmark sweden norway finland iceland greece turkey russia china japan india brazil mexico canada
    cuba chile peru israel jordan kenya egypt georgia tunisia holland netherlands belgium austria
    switzerland hungary romania bulgaria serbia croatia slovenia slovakia ukraine latvia lithuania estonia
    bavaria tuscany provence normandy scandinavia siberia arabia persia palestine muslim hindu christian
    jewish catholic protestant buddhist islam judaism hinduism buddhism christianity koran quran torah earth
    mars venus jupiter saturn mercury christmas easter halloween thanksgiving ramadan hanukkah diwali
    hindi urdu latin arabic hebrew bengali"""
)
"""Countries, religions, feasts and planets: no person's name where they stand alone, whatever lists say."""

ORGANISED = wordset(
    """inc incorporated corp corporation llc ltd limited plc llp gmbh ag kg co company companies group groups holding holdings
    associates partners partnership foundation bank banks banking insurance university college school
    academy institute institution hospital clinic laboratory laboratories labs lab agency association
    council committee commission ministry department bureau office authority society union club league
    federation team party church services service solutions solution systems system software technologies
    technology tech consulting consultants consultancy research analytics networks network media
    entertainment pictures studios studio records press publishing publishers times post news journal
    magazine tribune herald gazette markets market capital investments investment ventures venture finance
    financial fund funds trust securities assurance realty properties estates industries industry
    manufacturing enterprises international global worldwide energy power electric gas oil petroleum mining
    steel motors motor automotive airlines airways air aviation shipping logistics transport transit freight
    movers lines express telecom telecommunications communications wireless mobile broadcasting television
    radio orchestra philharmonic choir theatre theater museum gallery library stores store shop restaurant
    cafe hotel hotels resort casino pharmacy pharmaceuticals pharma biosciences bioscience genomics
    therapeutics medical health healthcare hospitality foods food brewery winery farms dairy airport station
    court army navy police guard force forces bros sons data digital interactive intelligence security cloud
    web online apps app ratings advisors advisers management development developments innovation innovations
    design designs construction builders architects engineering engineers electronics
    semiconductor semiconductors instruments devices robotics supercomputing programming"""
)
"""Words of the names of organisations: a run of capitalised words that holds one names nobody."""
