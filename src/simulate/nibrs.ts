/**
 * How an arrest was made: data element "Type of Arrest" of the FBI's NIBRS User Manual, edition 2019.1.
 * The ids are ours.
 */
export const ARREST_TYPES = [
  { id: 1, code: "O", name: "On-View Arrest" },
  { id: 2, code: "S", name: "Summoned/Cited" },
  { id: 3, code: "T", name: "Taken into Custody" },
] as const;

/**
 * How arrests for an offense come about, as the shares of {@link ARREST_TYPES} in their order. By
 * judgement: no published table gives them by offense.
 */
const MANNERS = {
  /** The officer meets the offense itself. */
  seen: [0.8, 0.12, 0.08],
  /** Minor; a citation often settles it. */
  minor: [0.35, 0.55, 0.1],
  /** Comes from an investigation, mostly with a warrant. */
  investigated: [0.35, 0.05, 0.6],
  mixed: [0.55, 0.2, 0.25],
} as const satisfies Record<string, readonly [number, number, number]>;

/** An offense that people are arrested for. */
export interface Offense {
  /** The crime type of an arrest event. */
  readonly id: number;
  readonly code: string;
  readonly name: string;
  /** Of about 10,000 arrests, how many are for this offense. */
  readonly weight: number;
  /** The shares of {@link ARREST_TYPES}, in their order. */
  readonly arrestTypeShares: readonly [number, number, number];
}

/**
 * The offenses of the NIBRS User Manual, edition 2019.1: Group A, then Group B (codes 90A to 90Z), without
 * 09C Justifiable Homicide, which nobody is arrested for. The ids are ours: once given they stay, new ones
 * go to the end.
 *
 * The weights follow "Crime in the United States 2019", table 29 (estimated arrests, 10.1 million in all),
 * to the nearest of 10,000; where that table has one row for several codes, they are divided by judgement.
 */
const OFFENSES_TABLE = [
  [1, "09A", "Murder and Nonnegligent Manslaughter", 11, "investigated"],
  [2, "09B", "Negligent Manslaughter", 1, "investigated"],
  [3, "100", "Kidnapping/Abduction", 15, "investigated"],
  [4, "11A", "Rape", 20, "investigated"],
  [5, "11B", "Sodomy", 3, "investigated"],
  [6, "11C", "Sexual Assault With An Object", 2, "investigated"],
  [7, "11D", "Fondling", 25, "investigated"],
  [8, "120", "Robbery", 74, "investigated"],
  [9, "13A", "Aggravated Assault", 382, "mixed"],
  [10, "13B", "Simple Assault", 950, "mixed"],
  [11, "13C", "Intimidation", 67, "mixed"],
  [12, "200", "Arson", 9, "investigated"],
  [13, "210", "Extortion/Blackmail", 2, "investigated"],
  [14, "220", "Burglary/Breaking & Entering", 170, "investigated"],
  [15, "23A", "Pocket-picking", 3, "minor"],
  [16, "23B", "Purse-snatching", 3, "mixed"],
  [17, "23C", "Shoplifting", 560, "minor"],
  [18, "23D", "Theft From Building", 45, "mixed"],
  [19, "23E", "Theft From Coin-Operated Machine or Device", 2, "mixed"],
  [20, "23F", "Theft From Motor Vehicle", 30, "mixed"],
  [21, "23G", "Theft of Motor Vehicle Parts or Accessories", 8, "mixed"],
  [22, "23H", "All Other Larceny", 155, "mixed"],
  [23, "240", "Motor Vehicle Theft", 80, "mixed"],
  [24, "250", "Counterfeiting/Forgery", 45, "investigated"],
  [25, "26A", "False Pretenses/Swindle/Confidence Game", 45, "investigated"],
  [26, "26B", "Credit Card/Automated Teller Machine Fraud", 20, "investigated"],
  [27, "26C", "Impersonation", 20, "investigated"],
  [28, "26D", "Welfare Fraud", 2, "investigated"],
  [29, "26E", "Wire Fraud", 5, "investigated"],
  [30, "26F", "Identity Theft", 18, "investigated"],
  [31, "26G", "Hacking/Computer Invasion", 1, "investigated"],
  [32, "270", "Embezzlement", 13, "investigated"],
  [33, "280", "Stolen Property Offenses", 88, "mixed"],
  [34, "290", "Destruction/Damage/Vandalism of Property", 179, "mixed"],
  [35, "35A", "Drug/Narcotic Violations", 1330, "seen"],
  [36, "35B", "Drug Equipment Violations", 216, "minor"],
  [37, "36A", "Incest", 1, "investigated"],
  [38, "36B", "Statutory Rape", 5, "investigated"],
  [39, "370", "Pornography/Obscene Material", 8, "investigated"],
  [40, "39A", "Betting/Wagering", 1, "minor"],
  [41, "39B", "Operating/Promoting/Assisting Gambling", 1, "investigated"],
  [42, "39C", "Gambling Equipment Violations", 1, "investigated"],
  [43, "39D", "Sports Tampering", 1, "investigated"],
  [44, "40A", "Prostitution", 17, "seen"],
  [45, "40B", "Assisting or Promoting Prostitution", 3, "investigated"],
  [46, "40C", "Purchasing Prostitution", 6, "seen"],
  [47, "510", "Bribery", 1, "investigated"],
  [48, "520", "Weapon Law Violations", 152, "seen"],
  [49, "64A", "Human Trafficking, Commercial Sex Acts", 1, "investigated"],
  [50, "64B", "Human Trafficking, Involuntary Servitude", 1, "investigated"],
  [51, "720", "Animal Cruelty", 12, "minor"],
  [52, "90A", "Bad Checks", 10, "minor"],
  [53, "90B", "Curfew/Loitering/Vagrancy Violations", 36, "minor"],
  [54, "90C", "Disorderly Conduct", 308, "minor"],
  [55, "90D", "Driving Under the Influence", 1016, "seen"],
  [56, "90E", "Drunkenness", 313, "seen"],
  [57, "90F", "Family Offenses, Nonviolent", 85, "mixed"],
  [58, "90G", "Liquor Law Violations", 174, "minor"],
  [59, "90H", "Peeping Tom", 2, "mixed"],
  [60, "90J", "Trespass of Real Property", 380, "minor"],
  [61, "90Z", "All Other Offenses", 2867, "mixed"],
] as const satisfies readonly (readonly [number, string, string, number, keyof typeof MANNERS])[];

/** Every offense that the simulation knows, see the table's own comment for its sources. */
export const OFFENSES: readonly Offense[] = OFFENSES_TABLE.map(
  ([id, code, name, weight, manner]) => ({
    id,
    code,
    name,
    weight,
    arrestTypeShares: MANNERS[manner],
  }),
);
