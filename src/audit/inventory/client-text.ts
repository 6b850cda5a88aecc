interface Known {
  readonly program: string | null
  readonly source: string | null
  readonly label: string | null
}

/** `CertbotACMEClient from 192.0.2.7 (cluster-a)`, as far as it is known; in relay the label is acmetap's own host. */
export function clientText({ program, source, label }: Known): string {
  const from = source === null ? [] : [program === null ? source : `from ${source}`]
  const parts = [program, ...from].filter((part) => part !== null)
  if (parts.length === 0) return label ?? 'unknown'
  return [...parts, ...(label === null ? [] : [`(${label})`])].join(' ')
}
