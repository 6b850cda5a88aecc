/** Milliseconds. */
const LOOK = 10_000

/** Looks now and then: `report` is told why it stands still, and null when it goes on again. */
export function watchProgress(
  follower: { progress(): Promise<{ readonly fault: string | null }> },
  report: (fault: string | null) => void,
): { close(): void } {
  let known: string | null = null
  const look = async () => {
    const { fault } = await follower.progress().catch((error: unknown) => ({ fault: String(error) }))
    if ((fault === null) !== (known === null)) report(fault)
    known = fault
  }
  const timer = setInterval(() => void look(), LOOK).unref()
  return { close: () => clearInterval(timer) }
}
