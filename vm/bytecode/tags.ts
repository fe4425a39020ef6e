/** The wrappers, by their number in a `Wrap` instruction. */
export const WRAPPERS = ["Some", "Ok", "Err"] as const;
export type Wrapper = (typeof WRAPPERS)[number];

/** The kinds of contracts, by their number in an `Assert` instruction. */
export const CONTRACT_KINDS = ["Requires", "Ensures"] as const;

/** The tags that match arms compare values with. An enum value has the index of its variant as its tag. `any` matches every value. */
export const MATCH_TAGS = { false: 0, true: 1, any: -1, None: -2, Some: -3, Ok: -4, Err: -5 } as const;
