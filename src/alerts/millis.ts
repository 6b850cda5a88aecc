/** ms since 1970, as `Date.now` has it, or a span of them. All of src/alerts counts so. */
export type Millis = number
