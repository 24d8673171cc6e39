"""Given names and family names that are frequent in the languages whose letters are Latin, and marks of names.
 Written down from general knowledge, not counted in any data. A name that is also a common word or place
stands in `AMBIGUOUS`: it counts only beside another name or behind words that introduce one.
"""

from __future__ import annotations

from sheaf.verification.personal.kind import wordset

_ENGLISH = """
aaron abby abigail adam adele adrian adrienne agnes aidan aileen alan albert alec alex alexa alexander
alexandra alexis alfred alison allan allen allison alma alvin alyssa amanda amber amelia amy andrea andrew
andy angela angelina angus anita ann anna anne annette annie anthony antonia april archie ariana arnold
arthur ashley ashton audrey austin ava barbara barry beatrice becky belinda ben benjamin bernadette bernard
bernice bert beth bethany betsy betty beverly bill billy bonnie brad bradley brandon brenda brendan brent
brett brian bridget brittany bruce bryan bryce caitlin caleb calvin cameron camilla candice carl carla carly
carmen carole caroline carolyn carrie carter casey cassandra catherine cathy cecil cecilia chad charles
charlotte chelsea cheryl chester chloe chris christian christie christina christine christopher christy
cindy claire clara clarence clark claudia clayton clifford clint clinton clyde cody colin colleen connie
connor conor constance corey courtney craig crystal curtis cynthia daisy dale damian damon dana daniel
danielle danny daphne darlene darrell darren daryl dave david dawn dean deanna debbie deborah debra dennis
derek derrick diana diane dillon dominic don donald donna doreen doris dorothy doug douglas duane duncan
dustin dwight dylan earl eddie edgar edith edmund edna eduardo edward edwin eileen elaine eleanor elena
elijah elisabeth elise eliza elizabeth ella ellen ellie elliot elmer elsie elvin emily emma eric erica erika
erin ernest ernie esther ethan ethel eugene eunice evan evelyn faith faye felicia felicity fern fiona
florence floyd frances francis frank franklin fred freddie frederick gabriel gabrielle gail garrett gary
gavin gene geoffrey george georgia georgina gerald geraldine gerard gilbert gina gladys glen glenda glenn
gloria gordon grace graham grant greg gregory gretchen guy gwen gwendolyn hailey hannah harold harriet
harris harrison harry harvey hayley hazel heather hector heidi helen henrietta henry herbert herman hilary
hillary hope howard hubert hugh hugo hunter ian ida imogen ingrid irene iris irma isaac isabel isabella
isabelle isaiah isla ivan ivy jack jackie jackson jacob jacqueline jade jaime jake james jamie jan jane
janet janice jared jasmine jason jay jean jeanette jeanne jeff jeffery jeffrey jenna jennifer jenny jeremiah
jeremy jerome jerry jesse jessica jessie jill jim jimmy joan joann joanna joanne jodie joe joel joey john
johnny jon jonathan jordan joseph josephine josh joshua joy joyce juan juanita judith judy julia julian
juliana julie juliet june justin kara karen karl kate katelyn katherine kathleen kathryn kathy katie katrina
kayla keith kelly kelsey ken kendra kenneth kenny kent kerry kevin kieran kim kimberly kirk kristen kristin
kristina kurt kyle lacey lance larry laura lauren laurence laurie lawrence leah lee leigh lena leo leon
leonard leroy leslie lester lewis liam lillian lily linda lindsay lindsey lisa liz lloyd logan lois lola
loretta lori lorraine louis louise lucas lucille lucy luke lydia lyle lynda lynn lynne mabel mackenzie
madeline madison maggie malcolm mandy marc marcia marcus margaret margie marguerite maria marian marianne
marie marilyn marion marjorie mark marlene marsha marshall martha martin marvin mary mason matt matthew
maureen maurice max maxine may megan meghan melanie melinda melissa melody melvin mercedes meredith mia
michael michele michelle mick miguel mike mildred miles milton minnie miranda misty mitchell molly monica
morgan morris muriel myra myrtle nadia nancy naomi natalie natasha nathan nathaniel neil nelson nicholas
nick nicola nicole nigel nina noah noel nora norma norman olive oliver olivia ollie oscar owen paige pam
pamela pat patrice patricia patrick patsy patty paul paula pauline pearl peggy penelope penny percy perry
pete peter phil philip philippa phillip phoebe phyllis polly poppy priscilla quentin rachel ralph ramona
randall randy ray raymond rebecca regina reginald rene renee rex rhonda richard rick ricky rita rob robert
roberta robin robyn rochelle rodney roger roland ron ronald ronnie rosa rosalie rose rosemarie rosemary
rosie ross roxanne roy ruby russell ruth ryan sabrina sadie sally sam samantha samuel sandra sandy sara
sarah saul savannah scott sean sebastian seth shane shannon sharon shaun shawn sheila shelby sheldon shelly
sherri sherry shirley sidney simon simone sonia sophia sophie spencer stacey stacy stan stanley stella
stephanie stephen steve steven stewart stuart sue summer susan susanna susie suzanne sybil sylvia tamara
tammy tanya tara tasha taylor ted teresa terrance terrence terri terry thelma theodora theodore theresa
thomas tiffany tim timothy tina todd tom tommy toni tony tonya tracey traci tracy travis trevor tricia
tristan troy tyler tyrone valerie vanessa vera vernon veronica vicki vicky victor victoria vincent viola
violet virgil virginia vivian wade wallace walter wanda warren wayne wendy wesley whitney wilbur wilfred
will willard william willie wilma winifred winston xavier yolanda yvette yvonne zachary zack zoe bobby
dolores dan kay mae cora blanca angelica alfonso neal blake kelvin benny sylvester celeste sammy rufus
woodrow josie lionel cassie dexter ester toby bret jess dolly dee curt desmond eddy emery clement maxwell
dudley barney nan blair dalton ariel garth cyrus maya marge burt tanner ginny maud milo jed newton hank
wally benedict palmer fletcher burton riley scot rory
"""
_EUROPEAN = """
adriana agata agnieszka aino aleksander aleksandar aleksandra aleksei aleksi alessandra alessandro alessia
alicia alina alois aloisia ana anabel anastasia anders andreas andrei andrej andrzej aneta angelo anja anke
anna-lena annika ansgar anton antoine antoni antonio antti ariane armando arne arnaud arturo asa astrid
attila aurelie aurora axel balazs barbora bartosz beata beatrix beatriz bela benedikt benoit berit bernd
bernhard bertram birgit birgitta bjorn björn blanka bogdan bohdan boris bozena branislav branko brigitta
brigitte britta bruno camille carina carlos carmela carolina carsten caterina catarina cedric chiara christa
christel christiane christoph christophe christoffer claes claude claudio clemens concetta cornelia
cornelius cosimo cristian cristina cristobal csaba dagmar dalibor damien damir daniela danica danijel danuta
dario dariusz davide denise detlef didier diego dieter dimitri dimitris dirk dmitri dmitry domenico dominik
dominika dominique doris dorota dorthe dragan dusan ebba eberhard edit eelco eero egil einar eino eira
ekaterina eleonora eleni elias eliana elin elisa elke elsa emil emilia emilie emiliano emmanuel endre enrico
enrique erik erich ernst erwin erzsebet esteban etienne eugenio eugen eva evelina ewa fabian fabien fabio
fabrice fabrizio federico felipe felix ferdinand ferenc fernanda fernando filip filippo finn florian
francesca francesco francisca francisco franco francois françois franz franziska freja freya frida frieda
friedrich fritz frode gabriela gabriele gabor gaetano galina gaspar gaston georg georges georgios gerd gerda
gergely gerhard gerrit giacomo gianluca gilles giorgio giorgos giovanna giovanni gisela giulia giuliana
giuliano giuseppe gonzalo grazia greta grzegorz gudrun guido guillaume guillermo gunnar gunther gustav
gyorgy györgy günter günther göran hakan halina hanna hanne hannes hans harald hartmut heidrun heike heikki
heinrich heinz helena helene helga helge helmut hendrik henning henri henrik henrike hermann hilda hilde
holger horst igor ilaria ilona ilse imre ines inga inge ingeborg inger ingo ioana ioannis ion irena irina
irma isidro ismael istvan istván ivana ivar ivo iwona izabela jaakko jacek jacques jadwiga jakob jakub jana
janis janne janos jános jaroslav javier jelena jens jeroen jesper jiri jiří joachim joakim joana joanna joao
joão johan johann johanna johannes jolanta jonas joost joop jordi jorge jorgen jose josé josef josefina
jovan jozef jørgen jörg judit juha juhani julien juliane julio jurgen jürgen jukka jussi justyna kaarina kai
kaisa kamil kamila karel karin karina karl-heinz karolina kaspar kasper katalin katarina katarzyna katerina
kateřina kathrin katja katrin katrine kazimierz kees kerstin kirsi kirsten kjell klara klaus klavs knut
konrad konstantin konstantinos krisztina krisztian krystyna krzysztof kristian kristiina kristján kristoffer
kuba ladislav laila lars laszlo lászló laurent leif leila lenka leonardo leonor leopold leszek libor lidia
liisa linnea linus livia ljiljana lorena lorenz lorenzo lothar lotte luc luca lucia luciana luciano lucie
ludmila ludovic ludwig luigi luis luisa luise luiza lukas lukáš lukasz łukasz luuk maarten maciej madeleine
magda magdalena magnus maja maike malgorzata małgorzata malin manfred manon manuel manuela marcel marcela
marcelo marcin marco marcos marek mareike maren margareta margit margarita margrethe mariana mariano marija
marijke marika marina mario marisa marit marius marjan marko markku markus marlies marta marten martina
martine massimo mateo mateusz matej matias matilde matteo matthias mathias mathilde matthieu mattias
mauricio maurizio max maxime mehdi meike melchior mette michaela michal michał michel michela michele mihai
mihaela miikka mikael mikhail mikko miklos mila milan milada milena milos miloš mina mirela mirjam miriam
mirko miroslav mirosław miroslava mohamed moritz morten monika nadine nadja natalia natalija nataša natascha
nele nicolai nicolas nico niels nikita niklas niko nikola nikolai nikolaj nikolaos nils norbert nuno odile
olaf olav ole oleg olga oliwia olivier oluf orsolya oskar ottavia otto pablo paola paolo pascal pasquale
patricio patrik patrizia pavel pavla pawel paweł pedro peder pekka per petar petra petri philipp philippe
pia pierre pieter pietro pilar piotr piroska radek radoslav rafael rafał raffaele raimund rainer ralf ramon
raquel raul raúl reinhard reinhold renata renate renato ricardo riccardo richárd rikke riitta rino robbert
roberto rocco rodrigo roland rolf roman romain romana rosanna rosario roswitha rudolf rudi rui ruben ruth
salvatore sami sandor sándor sanna santiago sari saskia satu sergei sergey sergio severin sibylle siegfried
sigrid sigurd siiri silke silvana silvia silvio simona simonas sinikka siv slavko slobodan snezana sofia
sofie solveig sonja soren søren sören stanislav stanislaw stanisław stefan stefania stefanie stefano steffen
stelios sten stephan stephane stig stijn sture sunniva susana susanne svein sven svenja svetlana swantje
sylvain sylvie szabolcs szymon tadeusz tamas tamás tania tatiana tatjana teemu teija terje teuvo thea theo
therese thibault thierry thilo thomasz thor thorsten tiago tibor tiina tilly timo tito tobias tomas tomás
tomáš tomasz tomislav tommaso tommy tone toni torben torsten tove trine tuomas tuula ugo ulf ulla ulrich
ulrika ulrike urban ursula urszula uta ute uwe vaclav václav valentin valentina valeria valerio vasile
vasily veronika vesa vesna victorine vidar viktor viktoria ville vilma vincenzo vincenza virginie vito vitor
vitoria vittorio vlad vladimir vladislav volker waldemar walburga walther waltraud werner wiebke wieslaw
wilhelm willem wim witold wojciech wolfgang xander xenia yannick yulia yuri yves yvan zbigniew zdenek zdeněk
zdenka zeljko zoltan zoltán zofia zuzana zuzanna zsolt zsofia zsuzsanna åsa åke ágnes éva élise émile inês
jesús joão józef jónas märta mária martín mónica oğuz ólafur óscar ömer özlem pál péter rené sofía sölvi
stéphane thérèse vít víctor wanja ångel ida
"""
_WORLD = """
aarav abdul abdullah abdulrahman abebe abu adebayo adel aditi aditya ahmad ahmed aiko aisha aishwarya ajay
akash akira akiko ali alejandra alejandro amal amina amir amit amrita anand ananya anil anita anjali ankit
ankita anwar arash arjun arun aryan asha ashok ayse ayşe ayumi aziz babak bao behnam bilal bo burak cem
chandra chen chidi chika chinedu chinwe chiyo daichi daisuke daniyar deepa deepak deniz dilip divya dong duc
ebru elif emeka emine emre eun fahad faisal farah farid farida fatima fatma fatou feng folake funmi ganesh
gaurav geeta gopal guadalupe gulnara guo habib hae hai hakeem hamid hana hanako hao haruka haruki haruto
hasan hassan hatice hideo hina hiroko hiroshi hiroto hoang hong hussein hyun ibrahim ichiro idris ifeoma
ikram imran indira ismail jamal jamila jayden jian jiao jing jiro jun jung kadir kaito kalyani kamal karim
kaori kavita kazuki kazuko keiko kemal kenji khadija khaled khalid kiran kofi koji krishna kumar kumiko
kwame lakshmi lan layla leyla li lin ling linh ling lina lupe mahmoud mahmud mai malik manoj mansour mariam
mariko maryam masako masashi mayumi meena mehmet mei meera michiko min ming minh misaki mitsuko mohammad
mohammed mona mostafa mukesh murat mustafa nadir naoki naoko nasser neha ngoc ngozi nguyen nikhil noor nour
nuria obinna olumide omar osman phuong pooja prakash prasad pradeep praveen priya quang rahul raj raja
rajesh rajiv ramesh ranjit rania rashid ravi reiko rekha reza riku rina rohan rohit roya ryo ryota saad
sachiko sadia said sakura salim salma samir sana sandeep sanjay santosh satoshi sayed selin serkan shabnam
shahid shanti sharif shinji shira shreya siddharth sina soo soyoung sota sunil sunita suresh syed takahiro
takashi takeshi tariq tatsuya tenzin thanh thuy toshiko tuan uma usha usman vijay vikram vinay vivek wei
xiang xiao xin xiu yasemin yasmin yasmine yasuko yoko yoshi yoshiko yosef youssef yuki yukiko yumi yusuf
yuto zahra zainab zeynep zhang ximena ximeno yadira ezequiel facundo joaquín
"""
_FAMILY = """
abbott adams adkins aguilar alexander allen allison alvarez anderson andrews armstrong arnold atkins
atkinson austin bailey baker baldwin ball ballard banks barber barker barnes barnett barrett barton bates
beck becker bell bennett benson berry bishop black blair blake bowen bowman boyd bradley brady brennan
brewer briggs brooks brown bryant buchanan burgess burke burns burton bush butler byrd caldwell campbell
carlson carpenter carr carroll carter castillo castro chambers chandler chang chapman chavez chen
christensen clark clarke cohen cole coleman collins contreras cook cooper cox craig crawford cross cruz
cummings cunningham curry curtis daniels davidson davies davis dawson day dean delgado diaz dixon doyle
duncan dunn duran edwards elliott ellis erickson estrada evans farmer ferguson fernandez fernandes fields
fischer fisher fitzgerald fleming fletcher flores ford foster fowler fox francis frazier freeman fuller
garcia gardner garner garrett garza george gibbs gibson gilbert gill glover gomez gomes gonzales gonzalez
goodman goodwin gordon graham grant graves gray green greene griffin gross guerrero gutierrez guzman haines
hale hall hamilton hammond hampton hansen hanson hardy harmon harper harrington harris harrison hart harvey
hawkins hayes haynes henderson henry hernandez herrera hicks higgins hill hines hodges hoffman hogan holland
holmes holt hopkins horton houston howard howell hubbard hudson hughes hunt hunter ibarra ingram jackson
jacobs james jefferson jenkins jennings jensen jimenez johansson johnson johnston jones jordan joseph
kaufman keller kelley kelly kennedy khan kim king klein knight kowalski kumar lambert lane larsen larson
lawrence lawson leblanc lee leonard lewis lindsey little logan long lopez love lowe lucas lynch lyons mack
maldonado malone manning marquez marshall martin martinez mason matthews maxwell may mccarthy mccormick
mccoy mcdaniel mcdonald mcgee mcguire mckinney mclean medina mejia mendez mendoza mercado meyer miles miller
mills mitchell molina montgomery moore morales moran moreno morgan morris morrison morton moss mueller
mullins munoz murphy murray müller myers nakamura navarro neal nelson newman newton nguyen nichols nielsen
norman norris nunez o'brien o'connor oliver olson ortega ortiz osborne owens padilla palmer park parker
parks parsons patel patterson paul payne pearson pena perez perkins perry peters petersen peterson pham
phillips pierce poole pope porter potter powell powers pratt price quinn ramirez ramos ramsey rasmussen reed
reese reeves reid reyes reynolds rhodes rice richards richardson riley rios rivera robbins roberts robertson
robinson rodgers rodriguez rogers romero rosales rossi ross rossi rowe ruiz russell russo ryan salazar
sanchez sanders sandoval santiago santos sato saunders schmidt schneider schroeder schultz schulz schwartz
scott serrano sharma sharp shaw shelton sherman silva simmons simon simpson sims singh singleton smith
snyder soto spencer stanley stephens stevens stevenson stewart stokes stone strickland sullivan summers
sutton suzuki swanson tanaka tate taylor terry thomas thompson thornton todd torres townsend tran tucker
turner tyler underwood valdez vargas vasquez vaughn vazquez vega wade wagner walker wallace walsh walters
walton wang ward warner warren washington watanabe waters watkins watson watts weaver webb weber webster
welch wells west wheeler white wilkins williams williamson willis wilson wise wolfe wong wood woods wright
wu yamamoto yang yates young zhang zhao zimmerman
"""

GIVEN = wordset(_ENGLISH + _EUROPEAN + _WORLD)
FAMILY = wordset(_FAMILY)

AMBIGUOUS = wordset(
    """
    abu adele amber andrea angel april archie asha asa ashley aurora austin ava banks barber baker ball bell
    bill bo bishop black blake brad brooks brown bush butler carpenter carter casey chad chandler chase
    chelsea chen christian clark cook cooper cox cross crystal curry daisy dale dallas dana dawn day dean
    deniz diego don dong dora drew duc duran earl ebba elsa faith farmer fern fields fisher florence ford
    foster fox frank franklin freeman garner gene gardner gill grace grant graves gray green guy hai hale
    hall hamilton hana hao hardy harper harrison hart harvey hazel heather henry hill holland holt hong hope
    houston howard hunt hunter ida inga ion iris ivy jackson jade jan jasmine jay jean jefferson jersey
    jordan joy jun june juan jung kai kay kent kim king kiran knight lacey lambert lan lance lane lee leigh
    leon li lily lin lima lincoln ling lisa little logan lola long lori love lucia lupe lyons mack madison
    mai malta manning marc marian marina mario mark marks marshall martin mason max maxwell may mei melody
    mercedes miles mills milan min mina ming minh minnie misty mona morgan moss nasser nelson newman newton
    nice nina noel noor norm norman nora olive ole oliver oscar owen paige pan paris park parker parks pat
    patience patsy pearl penny perry persia peter phoenix pia pilar pole poole pope poppy porter potter
    powers pratt price prince quinn rainer raj raja ram ray reed reese regina rex rich rio rita rob robin
    rod roman romania rosa rosario rose ross rowe ruby russell sage said sakura salim salvador sally sam
    sami sana sandy santiago santos sari savannah scott sharp shanti sierra simon sina sims sky sole sofia
    soo stan stella sterling stone sue summer summers sydney tanya tate taylor terry tone tony troy tucker
    turner tyler uma urban van vera victor victoria vega viola violet virgil virginia wade walker walsh
    walter ward warner warren washington waters watt watts wayne weaver wells wendy west wheeler white will
    willis winston wise wolfe wood woods wright young usha ugo said long bao li mai jade georgia carolina
    valencia lorena verona kobe kofi chandra luna sol marco polo columbia asia india china israel lourdes
    catalina alma angelo bert melvin chester lancaster lincoln jerome buck art jack pam per finn jens tim
    pia tito otto igor maria jesus jesús
    """
)
"""Names that are also words, months, places or saints' names of places."""

ENDINGS = (
    "sson", "dsen", "lsen", "rsen", "nsen", "tsen", "ksen", "gsen", "dottir", "dóttir", "ová", "ovich", "evich", "ović", "ević",
    "nić", "kić", "čić", "wski", "wska", "vskij", "vskaya", "owicz", "ewicz", "czyk", "enko", "shvili", "adze", "ovna", "evna",
    "kova", "nova", "mova", "sova", "kov", "nov", "mov", "yev", "yeva", "opoulos", "oğlu", "qvist", "quist", "ström",
    "ández", "ález", "ríguez", "ainen", "oinen", "uinen", "onen", "anen",
)  # fmt: skip
"""How family names end that are made from a father's name or a place, and few other words do."""
