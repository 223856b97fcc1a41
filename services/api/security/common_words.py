"""Words that passwords are commonly made of: names, clubs, faith, pets, brands, seasons, rows of keys, what we print.

They are what anybody knows, and no list of anybody's passwords: a password is judged by whether it falls apart into
them, which covers every way of joining them without a list of those.
"""

from typing import Final

_FIRST_NAMES: Final = """
    adam adrian alex alexander alexandra alice amanda amber amy andrea andreas andrew angel angela anna anthony
    antonio ashley austin barbara ben benjamin brandon brian carlos carmen caroline charles charlie chris christian
    christina christopher claudia daniel daniela david dennis diana dominik edward elena elizabeth emily emma eric
    fabian felix fernando florian francesco frank gabriel george hannah heather helen jack jacob james jan jason
    jennifer jessica john johnny jonathan jordan jose joseph joshua juan julia julian justin karen katharina kevin
    laura lauren linda lisa louis lucas luis lukas madison marco maria marie mario mark martin martina matthew max
    maximilian melanie melissa michael michelle miguel mike monica nathan nicholas nicole oliver olivia oscar
    patricia patrick paul peter philipp pierre rachel rebecca richard robert ryan samantha samuel sandra sara sarah
    sebastian sergio simon sofia sophie stefan stefanie stephen steven susan taylor thomas tiffany tim tobias tom
    tyler vanessa veronica victor victoria vincent walter william
"""
_CLUBS: Final = """
    arsenal barcelona baseball basketball bayern benfica celtic chelsea cowboys dortmund everton fcbayern football
    fussball futbol golf gunners hockey juventus lakers liverpool madrid manchester milan newcastle patriots rangers
    realmadrid redsox schalke soccer spurs steelers tennis tottenham united yankees
"""
_FAITH: Final = """
    allah amen bible blessed blessing christ church faith forever forgiven god gospel heaven hosanna inshallah
    jehova jesus lord mohammed muhammad prayer savior
"""
_FOND: Final = """
    amo angels babe baby babyboy babygirl beautiful bestfriends cookie daddy darling flower friend friends happy
    heart hello honey iloveyou kiss kisses love lovely lover loveyou lucky mama mommy mother mutter papa princess
    prinzessin rainbow schatz sexy smile sunshine superstar sweet sweetheart sweety te teamo you
"""
_FANCY: Final = """
    avengers barbie batman blink bond digimon dragon dragonball fortnite gandalf gollum harry harrypotter hunter
    ironman matrix mickey minecraft mouse mustang naruto ninja phoenix pikachu pirate playboy pokemon potter power
    ranger roblox rockstar shadow simpsons slayer snoopy spider spiderman star starwars superman tinkerbell trek
    unicorn vampire vegeta warrior wars winner wizard wolf zelda zombie
"""
_CREATURES: Final = """
    animal bear buster butterfly cat charlie chicken dog dolphin eagle elephant falcon fluffy horse kitty lion max
    molly monkey panda panther puppy rabbit shark snake tiger turtle
"""
_THINGS: Final = """
    apple banana bmw cheese chocolate coffee computer ferrari google guitar hammer internet iphone killer london
    marlboro mercedes music netflix orange paris pepper phone pizza porsche purple samsung school secret silver
    summer thunder windows winter yellow zaq
"""
_TIME: Final = """
    april august autumn december dezember dienstag donnerstag fall februar february freitag friday fruehling herbst
    januar january juli july june juni maerz mai march mittwoch monday montag november october oktober samstag
    saturday september sommer sonntag spring sunday thursday tuesday wednesday
"""
_WORK: Final = """
    access account admin administrator api backup bear bitcoin blockchain bot broker bull capital cash changeme
    company currency database default demo deploy dev developer dollar enter euro example exchange finance forex fx
    gold grafana guest iamthe invest letmein live login manager market master metatrader money my new oanda office
    operator paper pass passw passwd password passwort pips placeholder postgres production profit rabbitmq root
    scalp scalpbot scalper scalping secure security server service staging stocks street super support system temp
    temporary test testing the this trade trader trading user viewer wall wallstreet welcome work
"""
_SAID: Final = """
    and audusd aud boss club eurgbp eurjpy eurusd eur gbpjpy gbpusd gbp hate here is jpy jumps lazydog letme myname
    mynameis name nothing one slimshady thequickbrownfox today usdcad usdchf usdjpy usd whatever yes you
"""
_KEYS: Final = """
    abc abcd abcde abcdef abcdefg abcdefgh asdf asdfgh asdfghjkl azerty qwerty qwertyuiop qwertz qwertzuiop yxcvbnm
    zxcv zxcvbn zxcvbnm
"""

COMMON_WORDS: Final[frozenset[str]] = frozenset(
    word
    for words in (_FIRST_NAMES, _CLUBS, _FAITH, _FOND, _FANCY, _CREATURES, _THINGS, _TIME, _WORK, _SAID, _KEYS)
    for word in words.split()
)

# What documentation prints is read by everybody.
PRINTED: Final = ("correct horse battery staple", "moor kettle violin 88", "correct battery horse staple")
