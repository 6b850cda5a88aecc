/** How an exchange came in. Decided once, where the connection is accepted. */
export const MODES = ['relay', 'intercept', 'broker', 'engine'] as const
export type Mode = (typeof MODES)[number]
