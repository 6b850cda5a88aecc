/** How the soaks of `npm run soak` are run as tests, each of them small. Limits of time are the soak's own affair. */
export const quiet = { seed: 7, progress: () => undefined }

/** For what hangs, ms: no soak takes an eighth of it on a quiet machine. */
export const LONGEST = 300_000
