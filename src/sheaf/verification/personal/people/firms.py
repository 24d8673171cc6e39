"""Words of the names of organisations, and words beside them."""

from __future__ import annotations

import re

from sheaf.verification.personal.kind import endings, phrases, wordset

LEGAL_FORMS = (
    r"Inc\.?|Incorporated|Corp\.?|Corporation|L\.?L\.?C\.?|Ltd\.?|Limited|P\.?L\.?C\.?"
    r"|L\.?L\.?P\.?|GmbH(?: & Co\. KG)?|AG|KG|OHG|e\.V\.|S\.?A\.?(?:R\.?L\.?|S\.?)?"
    r"|S\.p\.A\.|"
    r"S\.r\.l\.|B\.?V\.|N\.?V\.|Oy[jJ]?|ApS|A/S|ASA?|AB|Kft\.?|Zrt\.?|Nyrt\.?|s\.r\.o\."
    r"|a\.s\.|d\.o\.o\.|Sp\. z o\.o\.|Pty\.? Ltd\.?|Pte\.? Ltd\.?|Co\.,? Ltd\.?|"
    r"& Co\.?|Holdings?|Group|Associates|Partners|Foundation"
)
"""How firms are named in law: what makes a name surely that of an organisation."""
FIRM = r"[^\W\d_a-zß-öø-ÿ][\w&'’.-]{0,40}"
WORD = r"[^\W\d_a-zß-öø-ÿ](?:[\w&'’+]|[.-](?=\w)){0,40}"
RUN = re.compile(
    rf"[^\W\d_a-zß-öø-ÿ](?<![\w@#/&.-].)(?:[\w&'’+]|[.-](?=\w)){{0,40}}(?: (?:(?:of|for|of the|&) )?{WORD}){{0,7}}"
)
LAST = wordset(
    """
    group groups holding holdings associates partners bank banks university college academy institute hospital
    clinic laboratories labs agency association council committee commission ministry federation society union club league services
    service solutions solution systems software technologies technology consulting consultants consultancy
    research analytics networks media entertainment pictures studios records publishing press times
    tribune herald gazette markets capital investments ventures finance financial fund funds trust
    insurance assurance realty properties industries enterprises international worldwide power electric
    oil petroleum motors airlines airways aviation logistics transit movers lines telecom communications
    wireless broadcasting orchestra philharmonic theatre museum inc incorporated corp llc ltd limited plc
    llp gmbh pharmaceuticals pharma biosciences genomics therapeutics healthcare foods brewery winery sons
    bros brothers company companies corporation institution school schools church foundation advisors
    advisers engineering electronics semiconductor instruments robotics dynamics supermarket supermarkets
    resources intelligence data elevators programming insights agents bakery restaurant cafe hotel hotels
    stores
    """
)
"""Words that end the names of organisations."""
WEAK = wordset(
    """
    oil power electric data intelligence resources times press engineering service lines trust league healthcare foods
    records pictures media markets instruments programming insights agents research school schools store stores lab
    """
)
"""Those that end as much else, where all words before them are of English."""
FIRST = re.compile(
    r"(?:University|Bank|Institute|Ministry|Department|Museum|College|Church|Bureau|Office|Academy|Board"
    r"|Chamber|Society|Association|Federation|School|Council|Court|Order|League) of (?:the )?[^\W\d_a-z]"
)
BEFORE = endings(
    """
    welcome to | thanks for choosing | companies like | firms like | brands like | competitors like |
    vendor | provider | carrier | publisher | lender | parent company | work for | works for | worked for
    | working for | work at | works at | worked at | working at | job at | job with | job for | employed
    by | employed at | employer | company | firm | startup | corporation | conglomerate | retailer |
    manufacturer | supplier | insurer | airline | carmaker | company called | company named | firm called
    | firm named | startup called | organisation called | organization called | hired by | fired by |
    fired from | joined | joining | quit | leave | left | subsidiary of | division of | ceo of | cto of |
    cfo of | coo of | founder of | co-founder of | cofounder of | chairman of | president of | head of |
    chair of | manager at | engineer at | developer at | director at | director of | analyst at |
    consultant at | scientist at | researcher at | professor at | student at | partner at | intern at |
    internship at | position at | role at | career at | year at | years at | interned at | recruiter at |
    recruiter from | representative of | spokesman for | spokeswoman for | spokesperson for | shares of |
    shares in | stock of | invested in | investing in | acquired by | owned by | sponsored by | funded by
    | published by | manufactured by | distributed by | developed by | powered by | partnered with |
    partnership with | contract with | merged with | merger with | deal with | recorded for | customer of
    | customers of | client of | clients of | employees of | employee of | offices of | office of |
    headquarters of | board of | members of | member of | sued | lawsuit against | policy with | account
    with | account at | insured with | insured by | invoice from | refund from | order from | bill from |
    receipt from | statement from | offer from | subscription to | subscribed to | refunded by | shipped
    by | delivered by | ordered from | bought from | later became | renamed | rebranded as | formerly |
    now called | bought by | purchased from | buy from | billed by | charged by | address of | website of
    | apply to | applied to | applying to | support | contact
    """
)
"""Words after which an organisation is likely."""
MAKES = (
    "company|firm|agency|bank|corporation|startup|start-up|organi[sz]ation|non-?profit|charity|provider"
    "|manufacturer|retailer|supplier|maker|producer of|developer of|association"
    "|institution|brand|publisher|airline|carmaker|automaker|insurer|501\\(c\\)|conglomerate"
    "|multinational|subsidiary|consultancy|studio|label|newspaper|magazine|platform|chain|operator"
    "|distributor"
    "|cooperative|co-operative|think tank|university|college|broker|lender|employer|business"
)
AFTER = re.compile(
    rf",? (?:is|was|are|were|became|remains) (?:an?|the|one of the)(?: [\w-]+){{0,5}}? (?:{MAKES})\b"
    rf"|, an?(?: [\w-]+){{0,4}}? (?:{MAKES})\b"
    r"| is the brainchild\b| (?:was|were|is|been) (?:founded|established|acquired|headquartered"
    r"|incorporated|listed|sued|fined)\b"
    r"| (?:announced|acquired|launched|invested|employs|merged|filed (?:for|a)|went public|reported"
    r"|unveiled|sells|sold|manufactures|offers|released|laid off|hired|raised|plans to|agreed to|invites"
    r"|delivers|charged me|refunded|provides|makes|builds|develops|produces|operates|owns|speciali[sz]es"
    r"|opened|expanded|partnered|competes|is (?:based in|hiring|headquartered|owned by|partnering))\b"
    r"| (?:offices?|websites?|headquarters|employees?|staff|shares|stock|stores?|customers?"
    r"|customer (?:service|support)|support (?:team|line)|representative|spokes\w+|ceo|cto|cfo"
    r"|resignation|executives?|account|app|products?|branch|branches|website|site|factory|plant"
    r"|warehouse|invoice|subscription|job|internship|interview|campus|building|orchestra|logo|card"
    r"|policy|lawyers|management)\b"
    r"|['’]s? (?:ceo|cfo|cto|shares|stock|headquarters|products?|website|customers|employees|board"
    r"|earnings|revenues?|profits?|offices|services|app|founders?|chairman|stores?|brand|platform|market"
    r"|competitors|annual|quarterly|acquisition|merger)\b",
    re.IGNORECASE,
)
"""What is said of organisations, after a name."""
KNOWN = wordset(
    """
    google microsoft amazon facebook ibm intel nvidia oracle cisco samsung sony toyota honda nissan volkswagen bmw siemens
    bosch nokia ericsson philips unilever nestlé nestle pepsi pepsico coca-cola mcdonald's starbucks walmart ikea nike adidas
    netflix disney spotify twitter linkedin youtube paypal ebay airbnb uber tesla boeing airbus lockheed
    pfizer novartis bayer roche astrazeneca moderna hsbc barclays citibank citigroup jpmorgan deloitte
    kpmg pwc accenture mckinsey nasa nato unesco unicef fbi cia nsa bbc cnn nbc abc cbs espn hbo mtv
    reuters bloomberg nasdaq mastercard amex verizon vodafone comcast exxonmobil chevron gazprom alibaba
    tencent huawei lenovo xiaomi hitachi panasonic toshiba volvo renault peugeot ferrari porsche audi
    mercedes-benz chrysler salesforce adobe dropbox reddit wikipedia greenpeace interpol europol opec
    lufthansa ryanair easyjet fedex ups dhl usps tiktok instagram whatsapp openai deepmind
    """
)
KNOWN_PAIRS = frozenset(
    phrase[1:]
    for phrase in phrases(
        """
        morgan stanley | goldman sachs | merrill lynch | wells fargo | berkshire hathaway | american
        express | general electric | general motors | johnson & johnson | procter & gamble | rolls royce |
        coca cola | deutsche bahn | red cross | united nations | european union | burger king | home depot
        | best buy | standard chartered | marks & spencer | hewlett packard | fisher price | estee lauder
        | european commission
        """
    )
)
FROM = re.compile(r"[^\W\d_a-z]\w+(?: (?:is|was|comes))? from $")
AT = re.compile(
    r" (?:meet|met|meeting|shop|shopping|shopped|bought|lunch|dinner|party|event|interview|appointment"
    r"|stay|staying|stayed|eat|ate|speak|speaking|talk)(?: \w+){0,2} at$"
)
LIST = re.compile(r",? (?:and|or|&) |, ")
DIGIT = re.compile(r"\d")
CAMEL = re.compile(r"(?!Mc|Mac|De|Di|Da|La|Le|Van|Von|Fitz|O['’])[A-Z][a-zß-ÿ]+[A-Z][a-zß-ÿ]+\w*")
SMALL = wordset("of for the & and")
COUNT = re.compile(r"(?<![\w.,/-])\d{1,3} $")
NEXT = re.compile(r",? ?['’]?s? ?(\w+)")
NEXT_WORDS = wordset(
    """
    is was are were became remains a an been announced acquired launched invested employs merged filed went reported
    unveiled sells sold manufactures offers released laid hired raised plans agreed invites delivers charged refunded
    office offices website websites headquarters employee employees staff shares stock store stores customer customers
    support representative ceo cto cfo resignation executive executives account app product products branch branches
    site factory plant warehouse invoice subscription job internship interview campus building orchestra logo card
    policy lawyers management board provides makes builds develops produces operates owns specializes specialises opened
    expanded partnered competes earnings revenue revenues profit profits services founder founders chairman brand
    platform market competitors annual quarterly acquisition merger spokesman spokeswoman spokesperson spokespeople
    """
)
"""Words with which `AFTER` can begin: a look at one word spares most of the search."""
NUMBERED = re.compile(r"[ \t>|*?#-]*(?:\n[ \t>|*?#-]*)+(?:[^\n]*\n){0,1}?[^\n]*\d")
_NEXT_NAME = rf"(?:[\w&'’+]|[.-](?=\w)){{0,40}}(?:(?:, {WORD}){{1,4}},? (?:and|&) {WORD}"
HOUSE = re.compile(
    r"(?P<names>[^\W\d_a-zß-öø-ÿ](?<![\w-].)"
    + _NEXT_NAME
    + r"|(?: and | & )(?:Sons?|Daughters?|Brothers|Bros\.?|Co\.?|Company|Associates|Partners|Family)))(?![\w-])"
)
BARRED = re.compile(r"(?<![\w-])(?<![A-Z][a-zß-ÿ] )([A-Z][a-zß-ÿ]+)-([A-Z][a-zß-ÿ]+)(?![\w-])")
