/** A message of the seed. */
export interface SeedMessage {
  /** The sender's handle. */
  readonly from: string;
  /** How long before the moment of seeding it was sent, in minutes. */
  readonly minutesAgo: number;
  readonly body: string;
}

/** A conversation of the seed. */
export interface SeedConversation {
  /** The members' handles. */
  readonly members: readonly string[];
  /** Oldest first. */
  readonly messages: readonly SeedMessage[];
  /** How many of the newest messages a member has not read; 0 for those left out. */
  readonly unread: Readonly<Record<string, number>>;
}

/** What people have been saying to each other before the moment of seeding. The people are those of `db/seed.sql`. */
export const SEED_CONVERSATIONS: readonly SeedConversation[] = [
  {
    members: ['andrewbrown', 'bayko'],
    messages: [
      {
        from: 'andrewbrown',
        minutesAgo: 7000,
        body: 'Bayko! I found our old chat app on a drive in the garage. It still runs. Well, it starts, shows a spinner and thinks things over.',
      },
      { from: 'bayko', minutesAgo: 6994, body: 'The one we built for the allotment club? With the purple buttons?' },
      {
        from: 'andrewbrown',
        minutesAgo: 6992,
        body: 'The very one. Eleven users at its peak, and two of those were you.',
      },
      { from: 'bayko', minutesAgo: 6990, body: 'I stand by both accounts. One was for compliments.' },
      {
        from: 'andrewbrown',
        minutesAgo: 6985,
        body: 'I say we rebuild it from scratch. Direct messages only, small and tidy, no purple.',
      },
      {
        from: 'bayko',
        minutesAgo: 6981,
        body: 'I’m in, on one condition: you help me with the street fair. They gave me a stall, and I said yes before asking what it was for.',
      },
      { from: 'andrewbrown', minutesAgo: 6979, body: 'What is it for?' },
      {
        from: 'bayko',
        minutesAgo: 6977,
        body: 'Apparently “something with trains or something with cake”. The form had only one line.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 6971,
        body: 'Then we do both. My model railway goes around the table and delivers the cake. 🚂🍰',
      },
      {
        from: 'bayko',
        minutesAgo: 6970,
        body: 'That’s either the best idea you ever had or a lot of crumbs in tiny gears.',
      },
      { from: 'andrewbrown', minutesAgo: 6958, body: 'It can be two things. When is the fair?' },
      { from: 'bayko', minutesAgo: 6955, body: 'In five days.' },
      { from: 'andrewbrown', minutesAgo: 6954, body: 'Ah.' },
      { from: 'bayko', minutesAgo: 6953, body: 'Ah indeed.' },
      {
        from: 'andrewbrown',
        minutesAgo: 6940,
        body: 'Plan: you bake, I lay track, and whenever something is cooling or drying we work on the app. Nothing about this can go off the rails.',
      },

      {
        from: 'bayko',
        minutesAgo: 5890,
        body: 'A first sketch of the data model is in the repo. One table, and each screen gets what it needs with one query.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 5884,
        body: 'Single-table design on day two? Bold. What’s the partition key for messages?',
      },
      {
        from: 'bayko',
        minutesAgo: 5879,
        body: 'The conversation. The sort key is the message’s number in it, so the newest twenty are a single query that reads backwards and stops at twenty.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 5876,
        body: 'Padded with zeros, I hope. It’s a string, so otherwise 10 sorts before 9 and people will think we invented time travel.',
      },
      { from: 'bayko', minutesAgo: 5874, body: '…padding it right now. You saw nothing.' },
      { from: 'andrewbrown', minutesAgo: 5870, body: 'I saw nothing, and I marked it as read.' },
      {
        from: 'andrewbrown',
        minutesAgo: 5790,
        body: 'Railway report: an oval of track, one station, one tunnel (formerly a shoebox). The engine is called Turnip.',
      },
      { from: 'bayko', minutesAgo: 5786, body: 'Why Turnip?' },
      { from: 'andrewbrown', minutesAgo: 5785, body: 'It’s purple and white, and nobody expects much of it.' },
      { from: 'bayko', minutesAgo: 5781, body: 'Wasn’t there a rule about purple?' },
      { from: 'andrewbrown', minutesAgo: 5779, body: 'The rule is about buttons.' },
      {
        from: 'bayko',
        minutesAgo: 5702,
        body: 'Baking report: test batch one of the cardamom buns came out lovely. Test batch two came out as roof tiles.',
      },
      { from: 'andrewbrown', minutesAgo: 5697, body: 'What changed?' },
      {
        from: 'bayko',
        minutesAgo: 5695,
        body: 'I was writing the inbox query at the same time and left out the yeast. The query is excellent, though.',
      },
      { from: 'andrewbrown', minutesAgo: 5690, body: 'Can I have the tiles? The station still needs a roof.' },
      { from: 'bayko', minutesAgo: 5688, body: 'They’re yours. Rainproof, shockproof, with a hint of cardamom.' },

      {
        from: 'andrewbrown',
        minutesAgo: 4452,
        body: 'Turnip comes off the track at the second curve. Every lap. Always the cake wagon, never the engine.',
      },
      { from: 'bayko', minutesAgo: 4447, body: 'How heavy is the cake wagon?' },
      { from: 'andrewbrown', minutesAgo: 4444, body: 'One cupcake. Two when I feel brave.' },
      { from: 'bayko', minutesAgo: 4440, body: 'Try a mini muffin. Lower centre of gravity.' },
      {
        from: 'andrewbrown',
        minutesAgo: 4437,
        body: 'You can’t just say “lower centre of gravity” about baked goods.',
      },
      { from: 'bayko', minutesAgo: 4436, body: 'I’m a professional now. I have a stall.' },
      {
        from: 'andrewbrown',
        minutesAgo: 4391,
        body: 'The mini muffin stays on! 🎉 Fourteen laps. The neighbour’s dog watched every one of them, and I don’t like how patient he is.',
      },
      { from: 'bayko', minutesAgo: 4385, body: 'What’s his name?' },
      { from: 'andrewbrown', minutesAgo: 4383, body: 'Café. With the accent, his owner was very clear about that.' },
      {
        from: 'bayko',
        minutesAgo: 4380,
        body: 'Perfect, he’s our encoding test. If Café arrives in one piece, we ship.',
      },
      { from: 'andrewbrown', minutesAgo: 4378, body: 'Café Café Café ☕🐕' },
      { from: 'bayko', minutesAgo: 4377, body: 'All three arrived in one piece. Good dog.' },
      {
        from: 'andrewbrown',
        minutesAgo: 4290,
        body: 'Now, polling. If every client asks for the whole conversation every few seconds, that’s a lot of asking for things it already has.',
      },
      {
        from: 'bayko',
        minutesAgo: 4284,
        body: 'So it doesn’t. It keeps the cursor of the newest message it has seen and asks only for what came after that. Most of the time the answer is an empty page, and those are cheap.',
      },
      { from: 'andrewbrown', minutesAgo: 4281, body: 'And after an empty page?' },
      {
        from: 'bayko',
        minutesAgo: 4279,
        body: 'Keep the old cursor, wait a little, try again. Like you at the second curve.',
      },
      { from: 'andrewbrown', minutesAgo: 4277, body: 'Unkind. Accurate, but unkind.' },

      {
        from: 'bayko',
        minutesAgo: 2998,
        body: 'Small crisis. The fair moved us. We’re no longer between the bookshop and the honey stand, we’re on the slope by the fountain.',
      },
      { from: 'andrewbrown', minutesAgo: 2993, body: 'A slope?! Trains and slopes are a whole branch of engineering!' },
      { from: 'bayko', minutesAgo: 2990, body: 'Think of it as free acceleration.' },
      {
        from: 'andrewbrown',
        minutesAgo: 2988,
        body: 'For half of every lap, yes. It’s the other half that worries me.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 2930,
        body: 'Solved: cork coasters under two table legs and a spirit level on top. As far as Turnip can tell, the world is flat.',
      },
      {
        from: 'bayko',
        minutesAgo: 2926,
        body: 'Solved here too: the double messages. Our client made up an id for each message, but a new one for every retry, so the server couldn’t tell a retry from another message.',
      },
      { from: 'andrewbrown', minutesAgo: 2921, body: 'And now it keeps the id when it tries again?' },
      {
        from: 'bayko',
        minutesAgo: 2919,
        body: 'Yes. Same id, same message. One bun per ticket, however often you wave the ticket.',
      },
      { from: 'andrewbrown', minutesAgo: 2917, body: 'Put that in the docs, word for word.' },
      {
        from: 'andrewbrown',
        minutesAgo: 2840,
        body: 'Inbox news: the summaries are now updated from the table’s stream, after the message is stored. Sending to a big group is as quick as sending to one person.',
      },
      {
        from: 'bayko',
        minutesAgo: 2836,
        body: 'So the list may be a moment behind, but the message itself is there at once. I like it. I’m usually a moment behind myself.',
      },
      { from: 'andrewbrown', minutesAgo: 2833, body: 'You were forty minutes behind at my birthday.' },
      { from: 'bayko', minutesAgo: 2831, body: 'I brought pie. Pie stops the clock.' },

      { from: 'andrewbrown', minutesAgo: 1562, body: 'One day left. Track ✅ tunnel ✅ coasters ✅ Turnip ✅ sign ❌' },
      { from: 'bayko', minutesAgo: 1558, body: 'What should the sign say?' },
      { from: 'andrewbrown', minutesAgo: 1557, body: 'I was thinking “Cake by Rail”.' },
      {
        from: 'bayko',
        minutesAgo: 1555,
        body: 'Short. Strong. Slightly ominous. My sister has paint, leave it to us.',
      },
      {
        from: 'bayko',
        minutesAgo: 1480,
        body: 'Done! It says “Cake by Rail. Please do not feed the engine.” She also added a turnip on wheels, and I may have wiped away a tear.',
      },
      { from: 'andrewbrown', minutesAgo: 1476, body: 'Tell her she’s hired. The pay is one bun per lap.' },
      {
        from: 'bayko',
        minutesAgo: 1390,
        body: 'Out of the oven: 60 cardamom buns, 48 mini muffins, and one lemon cake that nobody may breathe near until the icing sets.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 1384,
        body: 'And I put the app on both our phones: you take the orders out front, I load the train behind the tunnel. Its first real users: us.',
      },
      { from: 'bayko', minutesAgo: 1381, body: 'Again.' },
      { from: 'andrewbrown', minutesAgo: 1380, body: 'Again! But this time with one account each.' },
      { from: 'bayko', minutesAgo: 1378, body: 'About that…' },
      { from: 'andrewbrown', minutesAgo: 1377, body: 'Bayko.' },
      { from: 'bayko', minutesAgo: 1375, body: 'Compliments need a channel of their own, Andrew. 💌' },

      {
        from: 'bayko',
        minutesAgo: 141,
        body: 'We have a queue! Three buns and a muffin for the lady in the green hat.',
      },
      { from: 'andrewbrown', minutesAgo: 139, body: 'The muffin is on board, the buns walk. Arriving in one tunnel.' },
      { from: 'bayko', minutesAgo: 136, body: 'She clapped! Now the whole queue is clapping! Send more muffins!' },
      {
        from: 'andrewbrown',
        minutesAgo: 118,
        body: 'Polling works nicely out here, by the way. Your orders show up before I’ve licked my fingers.',
      },
      {
        from: 'bayko',
        minutesAgo: 104,
        body: 'Look out. Café is here, and he’s sitting right next to the second curve.',
      },
      { from: 'andrewbrown', minutesAgo: 102, body: 'He’s been studying for this.' },
      { from: 'andrewbrown', minutesAgo: 97, body: 'One muffin has left the network.' },
      { from: 'bayko', minutesAgo: 95, body: 'Delivered exactly once, though.' },
      { from: 'andrewbrown', minutesAgo: 93, body: 'And acknowledged. He wagged. 🐕' },
      {
        from: 'bayko',
        minutesAgo: 58,
        body: 'Sold out, all but the lemon cake! And a girl asked me whether the chat app is for sale too.',
      },
      { from: 'andrewbrown', minutesAgo: 55, body: 'What did you tell her?' },
      {
        from: 'bayko',
        minutesAgo: 54,
        body: 'That it’s free, and that every now and then it says something nice about you.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 40,
        body: 'The fair people want us back next year. They asked whether we could also do soup.',
      },
      { from: 'bayko', minutesAgo: 37, body: 'Soup. By rail.' },
      { from: 'andrewbrown', minutesAgo: 35, body: 'I said yes before asking how.' },
      {
        from: 'bayko',
        minutesAgo: 33,
        body: 'My finest student! I’m off to return the folding table, the phone goes into the apron.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 12,
        body: 'Turnip is back in its box, and the tunnel is a shoebox again. Come to the bench by the fountain: I rescued the lemon cake, and I have a drawing of a wagon with a lid. 🍋',
      },
    ],
    unread: { bayko: 1 },
  },
  {
    members: ['andrewbrown', 'londo', 'mireille'],
    messages: [
      {
        from: 'londo',
        minutesAgo: 3130,
        body: 'Good news! I’ve signed us up for the cardboard boat race on the mill pond. We need a boat. It has to be cardboard. It should float.',
      },
      { from: 'mireille', minutesAgo: 3121, body: 'In that order?' },
      {
        from: 'londo',
        minutesAgo: 3119,
        body: 'The rules are very clear about the cardboard and rather vague about the floating.',
      },
      {
        from: 'andrewbrown',
        minutesAgo: 3102,
        body: 'I have plenty of cardboard. I also have a shoebox, but at the moment it’s a tunnel.',
      },
      { from: 'mireille', minutesAgo: 3096, body: 'How many people have to fit in?' },
      { from: 'londo', minutesAgo: 3093, body: 'Three. I could be the captain, since I have the hat.' },
      { from: 'mireille', minutesAgo: 3090, body: 'You got a hat before there was a boat?' },
      { from: 'londo', minutesAgo: 3088, body: 'A boat can be built in a weekend. A good hat takes years to find.' },
      {
        from: 'andrewbrown',
        minutesAgo: 3040,
        body: 'I did the sums. The three of us, the boat and the hat are about 240 kg, so we have to push aside 240 litres of water. With a floor of 2 m by 60 cm we’d sit 20 cm deep.',
      },
      {
        from: 'mireille',
        minutesAgo: 3031,
        body: 'So the sides get 40 cm and nobody sneezes. I can bring the wide parcel tape from work, the good one.',
      },
      {
        from: 'londo',
        minutesAgo: 1702,
        body: 'We need a name. Something proud, but nothing the pond could take as a challenge.',
      },
      { from: 'andrewbrown', minutesAgo: 1690, body: '“This Way Up”? It’s already printed on the side.' },
      { from: 'mireille', minutesAgo: 1688, body: 'That’s perfect, and useful for the crew. 😂' },
      { from: 'londo', minutesAgo: 1684, body: 'Settled! I’ll go over it in gold. The arrows stay.' },
      {
        from: 'andrewbrown',
        minutesAgo: 1612,
        body: 'Bathtub report: a small model stayed afloat for 34 minutes. The race takes about six.',
      },
      { from: 'mireille', minutesAgo: 1605, body: 'And after 34 minutes?' },
      { from: 'andrewbrown', minutesAgo: 1603, body: 'Porridge. But a very calm sort of porridge.' },
      { from: 'londo', minutesAgo: 395, body: 'The gold paint is dry. There was some left, so now the hat matches.' },
      {
        from: 'mireille',
        minutesAgo: 372,
        body: 'I’ve rubbed the whole hull with floor wax. It smells like a school gym, très élégant.',
      },
      {
        from: 'londo',
        minutesAgo: 331,
        body: 'Then only the water is missing. Rehearsal at the pond next week, and everybody brings dry socks! 🧦',
      },
    ],
    unread: { andrewbrown: 3 },
  },
  {
    members: ['bayko', 'tamsin'],
    messages: [
      {
        from: 'tamsin',
        minutesAgo: 9050,
        body: 'Thanks again for looking after my plants! The fern is easy. The tomato is called Bernard and likes to be told about the weather.',
      },
      { from: 'bayko', minutesAgo: 9038, body: 'Fern watered. I told Bernard that it’s cloudy. He took it well.' },
      { from: 'tamsin', minutesAgo: 9035, body: 'He’s tougher than he looks.' },
      {
        from: 'bayko',
        minutesAgo: 7610,
        body: 'Bernard has grown four centimetres since I last looked. Is that allowed?',
      },
      { from: 'tamsin', minutesAgo: 7588, body: 'Depends. What have you been telling him?' },
      {
        from: 'bayko',
        minutesAgo: 7584,
        body: 'We ran out of weather, so I moved on to databases. When I got to how a query reads a range of sort keys, but only within one partition, he leaned in.',
      },
      {
        from: 'tamsin',
        minutesAgo: 7580,
        body: 'That’s the window, Bayko. He leans towards the window. But do go on, it seems to agree with him.',
      },
      {
        from: 'bayko',
        minutesAgo: 4655,
        body: 'THE FIRST TOMATO! Small, round, red all over. 🍅 I haven’t touched it, I only saluted.',
      },
      {
        from: 'tamsin',
        minutesAgo: 4640,
        body: 'It’s yours, as the gardener’s wages. I’m back in three days with a jar of olives for you.',
      },
      { from: 'bayko', minutesAgo: 4633, body: 'Eaten with a pinch of salt and great ceremony. Safe travels!' },
      {
        from: 'tamsin',
        minutesAgo: 310,
        body: 'Home again! The fern is glowing, and Bernard is twice his size. I told him it’s sunny, and I swear he waited for more detail. 😄',
      },
    ],
    unread: {},
  },
  {
    members: ['londo', 'oskar'],
    messages: [
      {
        from: 'oskar',
        minutesAgo: 2210,
        body: 'Hello from upstairs! Is it you who plays the accordion? This isn’t a complaint, I’d only like to know what the piece is called.',
      },
      {
        from: 'londo',
        minutesAgo: 2202,
        body: 'It is me! It’s called “Waltz for a Patient Neighbour”. I wrote it because I felt guilty.',
      },
      {
        from: 'oskar',
        minutesAgo: 2198,
        body: 'Then I should confess that I dance to it. Not well, and in thick socks.',
      },
      { from: 'londo', minutesAgo: 2195, body: 'That was you? I thought somebody was moving a wardrobe!' },
      {
        from: 'oskar',
        minutesAgo: 2192,
        body: 'A fair description. Shall we do it properly some time, in the courtyard, with the whole house? I own a tambourine and a surprising number of chairs.',
      },
      {
        from: 'londo',
        minutesAgo: 2187,
        body: 'With pleasure. I’ll write a second part, with a solo for the wardrobe. 🪗',
      },
    ],
    unread: {},
  },
  {
    members: ['bayko', 'mireille', 'noor', 'pip'],
    messages: [
      {
        from: 'noor',
        minutesAgo: 1250,
        body: 'Psst! There’s no Andrew Brown in this group, and that’s on purpose. Let’s build him a proper station for his railway, so that the roof no longer has to be a bun.',
      },
      { from: 'bayko', minutesAgo: 1244, body: 'I’m rather proud of that roof. But yes, count me in.' },
      {
        from: 'mireille',
        minutesAgo: 1240,
        body: 'I can make the windows out of old holiday slides. With a light inside you’d see a tiny beach in each of them.',
      },
      {
        from: 'pip',
        minutesAgo: 1231,
        body: 'I have an old wristwatch that would fit over the entrance as the station clock. It’s eleven minutes slow.',
      },
      { from: 'noor', minutesAgo: 1229, body: 'A slow clock at a railway station? I think we’ll get away with it.' },
      { from: 'pip', minutesAgo: 1226, body: 'It needs a name as well. I vote for “Turnip Parkway”.' },
      { from: 'bayko', minutesAgo: 1225, body: 'Seconded!' },
      { from: 'mireille', minutesAgo: 1222, body: 'Thirded! Do we have a fourth? 🚉' },
      {
        from: 'noor',
        minutesAgo: 205,
        body: 'Fourthed, and already painted on the wall. Shall we hand it over the day after the fair, when he has slept?',
      },
      {
        from: 'pip',
        minutesAgo: 188,
        body: 'Good for me. By the station clock I even answered before you could worry about it.',
      },
    ],
    unread: { mireille: 1 },
  },
];
