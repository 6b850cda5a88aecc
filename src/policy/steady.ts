/**
 * Of a condition that says the same to many requests: what alone it depends on. `edges`: Unix ms, from which on it may
 * say otherwise, as it may at full minutes.
 */
export type Steady = { readonly by: 'userAgent' } | { readonly by: 'time'; readonly edges: readonly number[] }
