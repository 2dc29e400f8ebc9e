"""What captions call the 80 objects of COCO.

COCO's labels are categories ("person"); its captions say man, woman, rider. Names that several
labels share ("bike") are listed for each: where an image has both, the word counts for neither.
Compounds are listed where a word in them would name something else ("train car", "tennis player").
"""

from __future__ import annotations

from collections.abc import Collection

from fiftyone_capviz.evaluation.matching import Key, Synonyms, label_words

COCO_NAMES: dict[str, str] = {
    "person": (
        "man, woman, boy, girl, child, kid, guy, lady, gentleman, baby, toddler, infant, teenager, "
        "teen, adult, human, individual, fellow, player, rider, surfer, skier, "
        "snowboarder, skateboarder, skater, cyclist, bicyclist, biker, motorcyclist, batter, "
        "catcher, pitcher, umpire, referee, athlete, swimmer, golfer, hiker, jockey, goalie, "
        "outfielder, hitter, chef, waiter, waitress, bartender, policeman, policewoman, officer, "
        "police officer, cop, soldier, fireman, firefighter, worker, driver, passenger, "
        "pedestrian, commuter, tourist, spectator, customer, shopper, vendor, student, teacher, "
        "doctor, nurse, farmer, fisherman, photographer, businessman, bride, groom, cowboy, clown, "
        "mother, father, mom, mommy, dad, daddy, parent, son, daughter, "
        "brother, sister, husband, wife, grandmother, grandfather, friend, tennis player, "
        "baseball player, soccer player, football player, basketball player, frisbee player, "
        "bus driver, truck driver, train conductor, horse rider, bike rider, bicycle rider, "
        "motorcycle rider, kite surfer, kite boarder, kiteboarder"
    ),
    "bicycle": "bike, mountain bike, tricycle",
    "car": "automobile, vehicle, taxi, taxi cab, cab, sedan, suv, van, minivan, police car, jeep",
    "motorcycle": (
        "motorbike, motor bike, motor cycle, bike, dirt bike, moped, scooter, motor scooter"
    ),
    "airplane": (
        "plane, aeroplane, air plane, jet, aircraft, airliner, jetliner, jumbo jet, biplane"
    ),
    "bus": "double decker, minibus, vehicle, tour bus, school bus",
    "train": (
        "locomotive, subway, tram, trolley, streetcar, street car, train car, train engine, "
        "trolley car, cable car, freight car, monorail"
    ),
    "truck": (
        "lorry, pickup, fire truck, firetruck, fire engine, semi, dump truck, tow truck, vehicle, "
        "van, jeep"
    ),
    "boat": (
        "ship, sailboat, sail boat, canoe, kayak, ferry, yacht, rowboat, row boat, speedboat, "
        "speed boat, motorboat, vessel, gondola, raft, barge, tugboat, tug boat, fishing boat, "
        "dinghy, jet ski, jetski"
    ),
    "traffic light": "traffic signal, stoplight, stop light, signal light",
    "fire hydrant": "hydrant, fire plug, water hydrant",
    "stop sign": "stopsign, traffic sign",
    "parking meter": "meter",
    "bench": "park bench, seat, bleacher",
    "bird": (
        "duck, duckling, goose, parrot, pigeon, dove, seagull, sea gull, gull, owl, swan, eagle, "
        "hawk, falcon, crow, raven, penguin, flamingo, peacock, pelican, rooster, hen, ostrich, "
        "sparrow, hummingbird, parakeet, cockatoo, heron, stork, robin, finch, vulture, "
        "woodpecker"
    ),
    "cat": "kitten, kitty, feline, tabby",
    "dog": (
        "puppy, pup, canine, doggy, doggie, poodle, bulldog, terrier, labrador, retriever, "
        "dachshund, corgi, husky, german shepherd, pug, beagle, chihuahua, collie, "
        "sheepdog, sheep dog, dalmatian, greyhound, hound, spaniel, mutt"
    ),
    "horse": "pony, foal, colt, mare, stallion, race horse, racehorse",
    "sheep": "lamb, ram, ewe",
    "cow": "bull, calf, cattle, ox, bovine, heifer, longhorn",
    "elephant": "",
    "bear": "polar bear, grizzly, grizzly bear, brown bear, black bear, bear cub, cub",
    "zebra": "",
    "giraffe": "",
    "backpack": "back pack, rucksack, knapsack, bookbag, book bag, bag",
    "umbrella": "parasol, beach umbrella",
    "handbag": "purse, hand bag, bag, tote, tote bag, pocketbook",
    "tie": "necktie, neck tie, bowtie, bow tie",
    "suitcase": "luggage, baggage, suit case, bag, briefcase, brief case",
    "frisbee": "disc, disk, frisbee disc, flying disc",
    "skis": "ski, water ski",
    "snowboard": "snow board, board",
    "sports ball": (
        "ball, tennis ball, soccer ball, beach ball, golf ball, bowling ball, "
        "volley ball"
    ),
    "kite": "parasail, toy kite",
    "baseball bat": "bat",
    "baseball glove": "glove, mitt, baseball mitt, catcher mitt",
    "skateboard": "skate board, board, longboard, long board",
    "surfboard": (
        "surf board, board, boogie board, body board, bodyboard, paddle board, paddleboard"
    ),
    "tennis racket": "racket, racquet, tennis racquet",
    "bottle": "water bottle, wine bottle, beer bottle",
    "wine glass": "wineglass, glass, goblet, champagne glass, glass of wine, glass of champagne",
    "cup": (
        "mug, glass, coffee cup, coffee mug, tea cup, teacup, tumbler, cup of coffee, "
        "cup of tea"
    ),
    "fork": "silverware, utensil, cutlery, pitchfork",
    "knife": "silverware, utensil, cutlery",
    "spoon": "silverware, utensil, cutlery, ladle, spatula",
    "bowl": "dish, soup bowl",
    "banana": "plantain, banana bunch, banana slice",
    "apple": "apple slice",
    "sandwich": (
        "burger, hamburger, cheeseburger, hoagie, panini, grilled cheese, sub, "
        "sub sandwich, grilled cheese sandwich, burrito"
    ),
    "orange": "tangerine, mandarin, clementine, orange slice",
    "broccoli": "broccoli floret, floret, vegetable",
    "carrot": "carrot stick, baby carrot, vegetable",
    "hot dog": "hotdog, sausage, frankfurter, wiener, bratwurst, chili dog, corn dog, chilidog",
    "pizza": "pizza pie, pizza slice, slice of pizza, piece of pizza",
    "donut": "doughnut, donut hole, bagel, pastry",
    "cake": "cupcake, cup cake, cheesecake, birthday cake, wedding cake, dessert, pastry",
    "chair": "armchair, arm chair, recliner, stool, seat, rocking chair, office chair, bar stool",
    "couch": "sofa, loveseat, love seat, settee, futon, sofa bed, sectional",
    "potted plant": "plant, houseplant, house plant, flower pot, flowerpot, planter, pot plant",
    "bed": "mattress, bunk bed, bunk, cot, hospital bed",
    "dining table": (
        "table, dinner table, kitchen table, coffee table, wooden table, picnic table, "
        "dining room table, table top, tabletop"
    ),
    "toilet": "commode, toilet bowl, toilet seat",
    "tv": (
        "television, tv set, television set, tv screen, television screen, telly, monitor, screen, "
        "flat screen, computer monitor, computer screen, computer"
    ),
    "laptop": "computer, laptop computer, notebook computer, macbook, netbook",
    "mouse": "computer mouse",
    "remote": "remote control, controller, game controller, wii remote, wii controller, wiimote",
    "keyboard": "computer keyboard",
    "cell phone": (
        "phone, cellphone, smartphone, smart phone, mobile phone, iphone, cellular phone, "
        "telephone"
    ),
    "microwave": "microwave oven",
    "oven": "stove, stove top, stovetop, oven range, toaster oven, cooker",
    "toaster": "toaster oven",
    "sink": "basin, wash basin, washbasin, bathroom sink, kitchen sink",
    "refrigerator": "fridge, freezer, icebox",
    "book": "novel, textbook, magazine, notebook, text book",
    "clock": "timepiece, alarm clock, wall clock, clock face",
    "vase": "urn, flower vase, glass vase",
    "scissors": "scissor, shears, pair of scissors",
    "teddy bear": (
        "teddy, teddybear, stuffed animal, stuffed bear, stuffed toy, plush toy, toy bear, "
        "stuffed teddy bear, plush, plush bear"
    ),
    "hair drier": "hair dryer, hairdryer, hairdrier, blow dryer, blow drier, blowdryer, dryer",
    "toothbrush": "tooth brush, electric toothbrush",
}  # fmt: skip
"""Label -> names, with commas between."""
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
AGES = ("baby", "mother", "adult")
"""Said of animals too: "a baby elephant" is no person."""


def has_coco_labels(labels: Collection[str]) -> bool:
    """Whether every label is one of COCO's 80, however it is spelled."""
    known = {label_words(label) for label in COCO_NAMES}
    return bool(labels) and all(label_words(label) in known for label in labels)


def with_coco_names(given: Synonyms) -> dict[str, list[str]]:
    """COCO's other names with a user's own, which come first.

    A name that the user gives to one label is taken from COCO's other labels.

    Args:
        given: the user's: label -> other names.
    """
    claimed: dict[Key, set[Key]] = {}
    for label, names in given.items():
        for name in names:
            claimed.setdefault(label_words(name), set()).add(label_words(label))
    table = {label: list(names) for label, names in given.items()}
    spelling = {label_words(label): label for label in given}
    for label, listed in COCO_NAMES.items():
        key = label_words(label)
        names = [name for name in listed.split(", ") if name]
        names += [f"{age} {label}" for age in AGES if label in ANIMALS]
        free = [name for name in names if claimed.get(label_words(name), {key}) >= {key}]
        table.setdefault(spelling.get(key, label), []).extend(free)
    return table
