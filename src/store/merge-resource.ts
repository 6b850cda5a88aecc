/**
 * What is kept of a resource when an answer names it again. An answer that says less than an earlier one (an
 * orders list has URLs only) must not take away what is known: absent members keep their old values.
 * Both are JSON texts of the resource's members beside its key.
 */
export function mergeResource(known: string, news: string): string {
  const merged = JSON.parse(news) as Record<string, unknown>
  for (const [name, value] of Object.entries(JSON.parse(known) as Record<string, unknown>)) {
    const said = merged[name]
    if (said === null || (Array.isArray(said) && said.length === 0)) merged[name] = value
  }
  return JSON.stringify(merged)
}
