"""Our own lists around the lexicons: what has no singular, what is irregular, and nouns they lack.

Only what captions may hold is listed. A word of these lists is no plural (``UNCHANGED``, ``NOUNS``)
or its singular is given (``IRREGULAR``).
"""

from __future__ import annotations

UNCHANGED = frozenset(
    "acrobatics aerobics athletics bagpipes barracks belongings billiards binoculars bleachers "
    "briefs broccoli capris chili christmas clippers clothes confetti coveralls data debris does "
    "dungarees earphones electronics fatigues fireworks flippers goggles graffiti gymnastics "
    "headphones headquarters jeans khakis knickers leggings lens mathematics media olympics "
    "overalls pajamas paparazzi physics pliers politics pyjamas ravioli regalia rapids ruins "
    "salami scissors shears shorts slacks spaghetti spectacles stockings suds surroundings "
    "suspenders swimmies thermos tights tongs tweezers underpants undies woods xmas".split()
)
"""Not inflected: singulars in s, and plurals whose singular is no word or not what is shown."""

IRREGULAR = {
    "bacteria": "bacterium",
    "bases": "base",
    "cacti": "cactus",
    "cafés": "café",
    "dice": "die",
    "dwarves": "dwarf",
    "feet": "foot",
    "geese": "goose",
    "headscarves": "headscarf",
    "hooves": "hoof",
    "knives": "knife",
    "leaves": "leaf",
    "lives": "life",
    "men": "man",
    "mice": "mouse",
    "oxen": "ox",
    "panties": "panties",
    "people": "person",
    "peoples": "person",
    "scarves": "scarf",
    "staves": "staff",
    "teeth": "tooth",
    "wharves": "wharf",
    "women": "woman",
}
"""Plurals that the table lacks, or takes for those of rarer words."""

NOUNS = frozenset(
    "ad afghan aficionado african airbag airlock american anchorwoman angelfish app appraisal "
    "archbishop archway armhole armload armoire asian attendee atv auntie aussie australian "
    "automaker axolotl backbend backfield backflip backleg backroom backsplash baddie bagpiper "
    "baguette ballgame bambino bandana bandanna bandmate bandstand barbie barista baroness bathmat "
    "bauble beachball beachfront beachgoer beanie beanstalk beatnik bedpost belfry bellbottom "
    "bellboy bellhop beluga bento beret bernedoodle bestie bestseller bichon bicycler bigfoot "
    "bigwheel billfold billionaire birdbath birdhouse blocker blog blogger blowfish blowup "
    "bluebook bluejean boatload bobblehead bodyboard bodyboarder bodybuilder bodysuit bollard "
    "bonsai boogie bookbag bookcase boombox bossman bottler bowtie brazier breadbox breakdancer "
    "breakwater breathalyzer bridesman brigadier brioche bro brushcut buckboard buddhist bullhorn "
    "bunkbed bunkmate burger busker busload bustier buzzsaw cabbie cafe calorie cameraperson "
    "camerawoman campsite canadian canoer cappuccino capybara carcass carload carport catwalk cd "
    "cellphone centaur centerfold charmer chateau cherub chevy chihuahua churro clamshell "
    "clapboard clarinet cliche closeup clothesline clownfish coachman cockapoo cockatiel codger "
    "coffeehouse coffeepot coliseum condo congressman cookfire coolie cootie cop corgi cornball "
    "corndog cornfield cornrow corsage cosplayer countertop countess couscous cowbell cowgirl "
    "cowhand cowpuncher cowrie crabapple crampon creche crevasse crewcut croc crossbone crouton "
    "crusher cubbyhole cupholder cupid cuppa cutie davenport daybed daycare debutante deckchair "
    "detector dhow dino dirtbike dirtbiker distributor ditty divan divorcee dj doberman dockside "
    "dogcatcher dollop doodle doorkeeper doormat downpour dragger dragster draper drawbridge "
    "dreadlock drumbeat drumroll drunkard duckie dumpster duvet dvd earbud earflap earning "
    "earpiece eave ebook edamame eight emcee emoji emoticon entranceway entree facepainting fad "
    "fairway fajita falafel fastball fedora fella ferrari fiance fiancee fifty filmmaker "
    "fingerpaint firebug firewoman fisher fisherwoman fishpond five fixie flagger flatbed flipflop "
    "floatie floatplane floe flotilla flowchart flowerbed foodie foosball forty four foxtail "
    "freeman fridge frieze frisbee frock fullback fundraiser gaggle gal gallery gamepad gamer "
    "gangway gator gazebo geek gelato gemstone getaway gif girlie gizmo glade globetrotter "
    "glowstick goalpost goatee goer goldendoodle gondolier granddad grandkid grandstander "
    "gravestone grazer greatcoat greeter grille grindstone gristmill groomsman groupie guacamole "
    "guardhouse guesthouse guidepost gumball gummy gunfighter gunship hairband hairclip hairdryer "
    "hairnet halfback halfpipe handcart handclasp handhold handstand hangglider hangout hankie "
    "hardhat harley harpsichord hashtag hatbox hatchback hatchway hayride headlamp headland "
    "headscarf headstand headwrap helipad hibachi hideout highboy highschooler hijab hipster homie "
    "honoree hoodie hoodlum hoodoo horserider horsie hotdog hotplate hottie housemate hoverboard "
    "hubby hulahoop hulk hummus icecap icecream icicle igloo illusionist inchworm indian indie "
    "inferno influencer innertube installer ipad iphone ipod jackpot jacuzzi jailhouse jalopy "
    "jetliner jetplane jetski jitterbug joey jumbotron jumprope jumpsuit kayaker kazoo kebab kebob "
    "keffiyeh kewpie keychain keypad kickboard kickboxer kickstand kiddie kimono kingpin "
    "kitchenette kitesurfer kneepad koi lab labradoodle labrador laddie lamborghini lassie latke "
    "laundromat lawman lawnchair lawnmower leaguer leftie lego lifejacket lifevest lilypad limbo "
    "limo livery locket loincloth longboard longboarder longboat longshot loonie lorikeet loveseat "
    "lumberyard lunchbox macaroon machinegun makeover malamute maltipoo maraca maraschino maven "
    "maypole meerkat mexican millinery minicar minifig minifigure mohawk motocross motorcade "
    "mountaintop mountie mousepad mouthguard moviegoer mp mudguard nameplate nametag newbie "
    "newsboy newscast newsie newsreel newsroom nightdress nightlight nightshirt nightstand nine "
    "nintendo nosebag nunchuck oceanfront oilman ollie onesie orca outdoorsman outfield outskirt "
    "ox oxcart pacer paddleball paddleboard paddler paintball palmtop panini pantsuit paperboy "
    "paperclip paraglider parapet parasail parasailer parasailor parka pasha passbook patroller "
    "pawnshop paycheck pedalo pedicab pegboard personage pesto pic picnicker piling pinata pinball "
    "pitbull pittance pizzeria placemat planeload playboy playset plushie pogo polaroid pom "
    "pomeranian pompom poolside popsicle porsche potholder powderpuff powerboat powerline preppie "
    "processor prof pub puggle punchbowl puncher pushcart pussycat quesadilla quickie quickstep "
    "quinoa quokka racecar raceway railbed railcar railroader rapper raptor rattler razorback "
    "redneck reenactor reflection remote rep responder reveler ribcage rigger ripoff riverbank "
    "roadie roadster rockface rollerblade rollerblader rollercoaster rollerskate rollerskater "
    "rollout romper roundhouse rugger rupee rustler sailboarder salesgirl saloonkeeper samosa "
    "samoyed sandbar sandcastle sandpit santa sarong schoolbag scorekeeper scoundrel screenplay "
    "scrunchie seagull seahorse seaplane seatback seatbelt seawall segway selfie semitrailer "
    "sequin serape seven sheltie shiba shihtzu shipmate shopfront shortstop showerhead showgirl "
    "showpiece shutoff shuttlecock sideboard sidecar sidekick sideshow sidestreet sidewinder "
    "sightseer sitcom six skateboarder skatepark sketchbook skillet skinhead skydiver slasher "
    "sledder sleepover slurpee slushie smartphone smartwatch smokescreen smoothie snorkeler "
    "snorkeller snowbank snowboarder snowcone snowdrift snowfield snowmobiler snowscape snowsuit "
    "snowwoman socialite softdrink softie sombrero someone songbook souffle soundtrack sousaphone "
    "southpaw spacer speedboat speedo speedskater speedway spitfire spokesmodel spyglass starlet "
    "stateroom statuette steamship steed stickman stickpin stockcar stockroom stonemason stopsign "
    "storefront storyboard streetlight stronghold strongman stuntman stuntwoman sudoku sunbonnet "
    "sundress sunhat sunroof sunshield survivor swastika sweatband sweatpant sweatsuit sweetie "
    "swingset switchblade tab tabletop tailback tailgate tambourine tanktop taquito taser tattoo "
    "teabag teahouse teakettle tearoom techie ten terrier terrine theatergoer thirty three "
    "thriller throwback thruway tidbit tike tikki timeout tipi tollbooth tollgate toonie tootsie "
    "topcoat tophat topper torchbearer touchscreen townie toyota tracksuit trainman trampolinist "
    "tramway trashcan treehouse trekker trekkie trestle trickster tricyclist trove truckdriver "
    "trunk tshirt tugboat turboprop turtleneck tutu tv twenty twirler tyke typo ugg ukulele undie "
    "unicyclist vaquero veggie veranda verandah vespa videocam videocamera videogame vlogger waif "
    "waitstaff wakeboard wakeboarder warhead warship washboard washbowl waterbottle watercolorist "
    "waterfront watergun waterpark waterski waterskier waterslide watersport waterspout waypoint "
    "wayside webcam webpage website wedgie weimaraner weirdo wetsuit wheeler wheelhouse wheelie "
    "whiner whiteboard widget wifi wildflower wimp windbag windbreaker windchime windowsill "
    "windsock windsurf windsurfer winger wingman wonton woodcarver woodshed wookie workroom "
    "worktable worktop wrangler yawl yeti yokel yorkie zipline zookeeper zorb".split()
)
"""Nouns in the singular that the table lacks: their plurals are recognised by them."""

VERBS = frozenset(
    "backflip bodyboard breakdance fingerpaint handstand jetski jumprope kickbox kitesurf limbo "
    "longboard paddleboard parasail paraglide rollerblade rollerskate tattoo tab trunk wakeboard "
    "waterski windsurf".split()
)
"""Verbs that the table lacks: "she wakeboards" is no plural."""
