/**
 * `www.example.com` and `*.example.com` are that name alone; `.example.com` is the name and all below it, wildcards
 * too. An address is written as it is.
 */
export function isNamed(pattern: string, names: readonly string[]): boolean {
  const wanted = pattern.toLowerCase()
  if (!wanted.startsWith('.')) return names.some((name) => name.toLowerCase() === wanted)
  const apex = wanted.slice(1)
  return names.some((name) => {
    const lower = name.toLowerCase()
    return lower === apex || lower.endsWith(wanted)
  })
}
