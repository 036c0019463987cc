"""Holds the rules and words of the built-in grammar: everyday English, slightly silly. `rules` parses these tables.

A rule is `Name = alternative | alternative`; a later rule for the same name adds to it.

- `3: ...` is the weight of an alternative, 1 by default; `Adj?30` is present in 30 % of cases.
- A name with a capital is a rule or a word class; anything else is a word.
- `a` becomes `an` if the next word starts with a vowel.
- `for g in she they; f in p d` repeats the rules below it with {g} and {f} replaced. {g} also selects a row of
  `AGREEMENT`, so that {are}, {their} or the form {n} agree with the subject. `once` ends the repetition.

A class is `Name: words`, frequent ones first; an indented line continues a class. `Beast.sp: dog/dogs` defines
the two classes Beast.s and Beast.p; `-` is a form that does not exist. Forms of nouns: s singular, p
plural. Forms of verbs: p plural and infinitive, s third person singular, d past, g -ing. In names of
clauses, n is now and d is past.

Tests check two properties. No sentence has two derivations: "read" has no past here, since "they read" would have two.
No sentence is longer than 16 words, the full stop included.
"""

from __future__ import annotations

_COLUMNS = ("n", "they", "their", "themselves", "are", "were", "do")

AGREEMENT: dict[str, dict[str, str]] = {
    name: dict(zip(_COLUMNS, row.split(), strict=True))
    for name, row in {
        "she": "s she her herself is was does",
        "he": "s he his himself is was does",
        "one": "s - - - is was does",  # somebody: a person whom no pronoun refers back to
        "they": "p they their themselves are were do",
        "it": "s it its itself is was does",
        "herd": "p they their themselves are were do",
        "i": "p i my myself am was do",
        "we": "p we our ourselves are were do",
        "you": "p you your yourself are were do",
    }.items()
}

SETS = {
    "everybody": "she he one they it herd i we",
    "nouns": "she he one they it herd",
    "people": "she he one they i we you",
    "people_named": "she he one they",
    "animals": "it herd",
    "owners": "she he they it herd",
    "people_owning": "she he they i we you",
    "forms": "p s d g",
}

RULES = """
Sentence = 16: Statement . | 4: Question ? | 2: Request .

# Statements: a light subject with all of a verb phrase, a heavy subject with a short one, or two clauses.
for g in nouns
Statement = 4: Np.{g} Vp.{g}
for g in i we
Statement = 2: Np.{g} Vp.{g}
Statement = 0.3: When.d Np.{g} Tiny.{g}.d , {they} Brief.{g}.d
Statement = 0.3: When.n Np.{g} Tiny.{g}.n , {they} Brief.{g}.n
Statement = 0.3: Np.{g} Simple.d Because.d {they} Tiny.{g}.d
Statement = 0.3: Np.{g} Simple.{n} Because.n {they} Tiny.{g}.n
for g in nouns
Statement = 0.3: Np.{g} Simple.d because it was Weather
Statement = 3: Heavy.{g} Short.{g}
for g in owners
Statement = 1: When.d Np.{g} Tiny.{g}.d , {they} Brief.{g}.d
Statement = 1: When.n Np.{g} Tiny.{g}.n , {they} Brief.{g}.n
Statement = 0.6: Np.{g} Simple.d Because.d {they} Tiny.{g}.d
Statement = 0.6: Np.{g} Simple.{n} Because.n {they} Tiny.{g}.n
for g in nouns
Statement = 0.4: When.d Np.{g} Tiny.{g}.d , Another.d | 0.4: When.n Np.{g} Tiny.{g}.n , Another.n
Another.d = 3: Bare.{g} Simple.d | 1: Bare.{g} {were} Rest.g
Another.n = 3: Bare.{g} Simple.{n} | 1: Bare.{g} {are} Rest.g
once
Statement = 0.7: there is a BeastAdj?70 Beast.s Place | 0.7: there was a BeastAdj?70 Beast.s Place TimePast?60
Statement = 0.7: there are Number BeastAdj?70 Beast.p Place
Statement = 0.7: there were Number BeastAdj?70 Beast.p Place TimePast?60
When.d = 3: when | because | although | before | after | while
When.n = 3: when | because | although | if | whenever
Because.d = 3: because | although | when | while
Because.n = 3: because | although | when | whenever | if

# Subjects. Np: up to three words; Bare: up to two; Heavy: up to seven.
for g in people_named
Np.{g} = 5: the Adj?45 Noun.{g}
for g in she he one
Np.{g} = 3: a Adj?45 Noun.{g}
Bare.{g} = 2: the Noun.{g}
Np.one = every Noun.one | this Adj?40 Noun.one
Np.they = 2: Number Adj?40 Noun.they | these Adj?40 Noun.they
Bare.they = 2: the Noun.they
Np.it = 5: the BeastAdj?45 Beast.s | 3: a BeastAdj?45 Beast.s | My Beast.s
Bare.it = 2: the Beast.s | My Beast.s
Np.herd = 5: the BeastAdj?45 Beast.p | 2: Number Beast.p | My Beast.p
Bare.herd = 2: the Beast.p | My Beast.p
for g in she he they
Np.{g} = 2: My Kin.{g} | 1: {they}
Bare.{g} = My Kin.{g}
for g in she he
Np.{g} = 2: Name.{g}
Bare.{g} = Name.{g}
for g in i we
Np.{g} = 3: {they}
for g in people_named
Heavy.{g} = 1: the Noun.{g} who Simple.{n} | 1: the Noun.{g} who Simple.d | 2: the Noun.{g} who Gap
for g in she he one
Heavy.{g} = 3: the Adj?40 Noun.{g} with a FeatureAdj Feature.s
for g in they
Heavy.{g} = 3: the Adj?40 Noun.{g} with FeatureAdj Feature.p
for g in animals
Heavy.{g} = 3: the BeastAdj?40 Beast.{n} Place | 1: the Beast.{n} that Snatch.{n} AThing
Heavy.{g} = 1: the Beast.{n} that Snatch.d AThing | 2: the Beast.{n} that Gap
for g in people_named
Gap = Bare.{g} Like.{n} | Bare.{g} Like.d
for g in animals
Gap = Bare.{g} Chase.{n} | Bare.{g} Chase.d

# Verb phrases. Vp: up to twelve words; Short: seven; Brief: six; Simple: four; Tiny: three.
for g in everybody
Vp.{g} = 4: Often?40 Core.{g}.{n} Now | 5: Gladly?40 Core.{g}.d Past | 1: {are} Core.{g}.g Future
Vp.{g} = 1: {were} Core.{g}.g Past | 2: Modal Core.{g}.p Future
Vp.{g} = 1: {do} not Core.{g}.p Now | 1: did not Core.{g}.p Past
Vp.{g} = 1: {are} Pred.{g} | 1: {were} Pred.{g}
Short.{g} = 3: Short.{g}.n | 4: Short.{g}.d
Short.{g}.n = 3: Often?30 Core.{g}.{n} | 1: {are} Core.{g}.g | 1: Modal Core.{g}.p | 1: {are} Pred.{g}
Short.{g}.d = 4: Core.{g}.d | 1: {were} Core.{g}.g | 1: {were} Pred.{g}
Brief.{g}.d = 4: Core.{g}.d | 1: Rest.d Place
Brief.{g}.n = 4: Core.{g}.{n} | 1: Rest.{n} Place
Tiny.{g}.d = 2: {were} Very?40 Mood | 1: Rest.d | 1: {were} Rest.g
Tiny.{g}.n = 2: {are} Very?40 Mood | 1: Rest.{n} | 1: {are} Rest.g
Pred.{g} = 3: Very Mood | 2: afraid of Being | 2: Taller than Bare
for g in nouns
Bare = Bare.{g}
for g in people_named
Vp.{g} = 1: Want.{n} to Core.{g}.p Future | 1: Want.d to Core.{g}.p Past
Vp.{g} = 1: Think.{n} that Belief | 1: Think.d that Belief
for g in i we
Vp.{g} = 1: Want.{n} to Core.{g}.p Future | 1: Think.{n} that Belief
for g in everybody
Belief = 2: Np.{g} Short.{g}
once
Belief = 1: the moon is made of Dish | 1: dragons are Very?40 Mood

# What people and animals do, up to six words.
for g in people; f in forms
Core.{g}.{f} = 8: Deed.{f}
for g in people_owning; f in forms
Core.{g}.{f} = 1: Carry.{f} {their} ThingAdj?60 Thing.{n} | 0.5: Mend.{f} {their} Fixable
Core.{g}.{f} = 0.5: Dine.{f} {their} Meal | 0.4: Talk.{f} to {themselves} | 0.4: Brush.{f} {their} Body
for g in animals; f in forms
Core.{g}.{f} = 8: Wild.{f}
Core.it.{f} = 1: Chase.{f} its tail | 0.4: Snatch.{f} its dinner
Core.herd.{f} = 1: Chase.{f} their tails | 0.4: Snatch.{f} their dinner
for f in forms
Deed.{f} = 2: Rest.{f} | 2: Dine.{f} Food | 1.5: Drink.{f} Beverage | 2: Read.{f} AText
Deed.{f} = 1.5: Play.{f} the Instrument | 1: Laugh.{f} at Being | 1.5: Dream.{f} about Topic
Deed.{f} = 1.5: Mend.{f} AFixable | 2.5: Carry.{f} AThing | 2: Like.{f} Being | 1: Give.{f} Whom AGift
Deed.{f} = 1: Give.{f} AThing.short to Whom | 1: Talk.{f} to Being | 1: Wait.{f} for Awaited
Wild.{f} = 1: Rest.{f} | 2: Eat.{f} Food | 3: Snatch.{f} AThing | 3: Chase.{f} Being | 1: Laugh.{f} at Being
Simple.{f} = 1: Rest.{f} | 3: Carry.{f} AThing | 1: Play.{f} the Instrument | 2: Like.{f} Being

# Objects, up to three words.
once
AThing = 2: the ThingAdj?60 Thing.s | 0.5: the ThingAdj?50 Thing.p
AThing = 2: a ThingAdj?60 Thing.s | 1: Number Thing.p
AThing.short = the Thing.s | a Thing.s | Number Thing.p
AGift = 3: a ThingAdj?60 Thing.s | 1: Number Thing.p | 1: some Beverage
AFixable = 2: the ThingAdj?60 Fixable | 1: a ThingAdj?60 Fixable
Food = 2: the FoodAdj?60 Dish | 1: some FoodAdj?60 Dish | 2: a FoodAdj?60 Snack.s
Food = 1: Number FoodAdj?40 Snack.p
Beverage = 2: BeverageAdj?60 Liquid
AText = 2: the TextAdj?60 Text | 3: a TextAdj?60 Text
Being = 3: the Adj?30 Noun.one | 1: a Noun.one | 1: the Noun.she | 1: the Noun.he | 1: the Noun.they
Being = 2: the BeastAdj?40 Beast.s | 2: a BeastAdj?40 Beast.s | 2: the Beast.p
Being = 1: Name.she | 1: Name.he | 0.7: My Kin.she | 0.7: My Kin.he
Whom = 3: the Noun.one | 1: the Noun.she | 1: the Noun.he | 1: the Beast.s
Whom = 1: Name.she | 1: Name.he | 1: My Kin.she | 1: My Kin.he
Awaited = 2: the Vehicle | a miracle | 2: Being
Topic = 3: Matter | 1: Being

# Where and when, up to four words.
Place = 4: in the Inside | 2: on the Surface | 2: at the Venue | 3: Near the Landmark
Time = 2: Before Meal | 1: at Hour
TimeNow = 1: Time | 1: every Day
TimePast = 2: Time | 2: last Night | 1: yesterday
TimeFuture = 4: Time | 2: tomorrow | 1: today
Now = 2: | 3: Place | 3: TimeNow
Past = 2: | 3: Place | 3: TimePast | 1: Place yesterday
Future = 2: | 3: Place | 3: TimeFuture | 1: Place tomorrow

# Questions and requests.
for g in nouns
Question = 1: Why?50 {do} Np.{g} Core.{g}.p | 1: Why?50 did Np.{g} Core.{g}.p Past
Question = 0.3: Will Np.{g} Core.{g}.p | 0.2: Why?50 {are} Np.{g} Very?50 Mood
Question = 0.4: Why?50 {are} Np.{g} Core.{g}.g
Question = 0.1: where {are} Bare.{g} | 0.2: where {were} Bare.{g} TimePast
Question = 0.3: what did Np.{g} Snatch.p Past
for g in you
Question = 1: Why?50 do you Core.you.p | 1: Why?50 did you Core.you.p Past | 0.5: Will you Core.you.p
once
Question = 2: who Core.one.d Past | 1: who Core.one.s | 1: who Want.s to Core.one.p
Request = 3: please Core.you.p Future | 1: please do not Core.you.p Future | 1: never Core.you.p Future
"""

WORDS = """
Noun.she: queen girl witch princess duchess
Noun.he: king boy wizard prince monk
Noun.one: doctor pirate baker teacher sailor detective neighbor dentist poet mayor astronaut clown librarian
    thief inventor
Noun.they: children pirates sailors twins tourists students witches monks poets
Kin.she: grandmother aunt sister
Kin.he: uncle grandfather brother
Kin.they: parents cousins sisters
Name.she: alice olga matilda
Name.he: oscar felix bruno
Beast.sp: dog/dogs cat/cats goat/goats fox/foxes parrot/parrots wolf/wolves elephant/elephants mouse/mice
    penguin/penguins goose/geese owl/owls octopus/octopuses
My: my our your
Number: two three some many seven

Adj: old young clever lazy sleepy famous brave polite angry
BeastAdj: small hungry clever fat angry tiny lazy ugly enormous
ThingAdj: old red heavy tiny broken expensive yellow golden ugly enormous invisible
FoodAdj: cold fresh burnt sweet frozen awful
BeverageAdj: hot cold strong fresh
TextAdj: long strange boring secret ancient
FeatureAdj: wooden long enormous red crooked golden
Mood: hungry happy tired angry late sad bored lonely jealous
Very: very rather too
Taller: taller older wiser louder richer

Rest.psdg: sleep/sleeps/slept/sleeping sing/sings/sang/singing dance/dances/danced/dancing
    sneeze/sneezes/sneezed/sneezing snore/snores/snored/snoring
Dine.psdg: eat/eats/ate/eating cook/cooks/cooked/cooking share/shares/shared/sharing
Eat.psdg: eat/eats/ate/eating devour/devours/devoured/devouring
Drink.psdg: drink/drinks/drank/drinking spill/spills/spilled/spilling
Read.psdg: write/writes/wrote/writing read/reads/-/reading study/studies/studied/studying
Play.psdg: play/plays/played/playing
Mend.psdg: repair/repairs/repaired/repairing paint/paints/painted/painting clean/cleans/cleaned/cleaning
Carry.psdg: find/finds/found/finding carry/carries/carried/carrying lose/loses/lost/losing
    buy/buys/bought/buying
Like.psdg: follow/follows/followed/following admire/admires/admired/admiring trust/trusts/trusted/trusting
    invite/invites/invited/inviting
Give.psdg: give/gives/gave/giving send/sends/sent/sending show/shows/showed/showing
Talk.psdg: talk/talks/talked/talking listen/listens/listened/listening
Wait.psdg: wait/waits/waited/waiting
Laugh.psdg: laugh/laughs/laughed/laughing stare/stares/stared/staring
Dream.psdg: dream/dreams/dreamed/dreaming complain/complains/complained/complaining
    worry/worries/worried/worrying
Brush.psdg: wash/washes/washed/washing brush/brushes/brushed/brushing
Snatch.psdg: steal/steals/stole/stealing hide/hides/hid/hiding guard/guards/guarded/guarding
Chase.psdg: chase/chases/chased/chasing follow/follows/followed/following bite/bites/bit/biting
Want.psd: want/wants/wanted hope/hopes/hoped try/tries/tried refuse/refuses/refused
Think.psd: think/thinks/thought know/knows/knew believe/believes/believed

Thing.sp: hat/hats key/keys umbrella/umbrellas lamp/lamps suitcase/suitcases button/buttons mirror/mirrors
    spoon/spoons candle/candles onion/onions
Fixable: bicycle roof clock boat fence umbrella piano
Dish: soup cheese bread spaghetti
Snack.sp: cake/cakes apple/apples sandwich/sandwiches egg/eggs pancake/pancakes
Liquid: tea milk coffee lemonade water
Text: book letter poem newspaper map novel
Instrument: violin piano trumpet drums accordion
Feature.sp: nose/noses leg/legs beard/beards tooth/teeth hat/hats
Body: teeth hair hands feet
Vehicle: train bus
Matter: money politics dragons homework cheese

Inside: garden kitchen forest library attic castle bathtub
Surface: roof sofa beach stairs bus
Venue: market station museum circus
Landmark: river bridge barn lighthouse fountain
Near: near behind under beside
Meal: dinner breakfast lunch
Before: before after during
Hour: midnight noon dawn
Day: morning night sunday winter
Night: night week winter tuesday
Often: often always never sometimes rarely
Gladly: quietly slowly secretly proudly carefully suddenly happily
Modal: can will must should might
Will: will can should
Weather: raining snowing dark
Why: why when how
"""
