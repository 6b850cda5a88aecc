const MARK = '[secret]'

/** Takes the secrets of a channel out of what is told of it: itself, percent-encoded, in base64, parts of a URL. */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form.length >= 4)
    .sort((a, b) => b.length - a.length)
  return (text) => forms.reduce((clean, form) => clean.replaceAll(form, MARK), text)
}

function formsOf(secret: string): string[] {
  const all = /^https?:/i.test(secret) && URL.canParse(secret) ? partsOf(secret, new URL(secret)) : [secret]
  return all.flatMap((one) => [
    one,
    encodeURIComponent(one),
    JSON.stringify(one).slice(1, -1),
    Buffer.from(one).toString('base64').replace(/=+$/, ''),
    Buffer.from(one).toString('base64url'),
  ])
}

/** Of a URL that is a credential: all of it that does not merely name the service. */
function partsOf(secret: string, url: URL): string[] {
  const segments = url.pathname.split('/').filter((segment) => segment.length >= 8)
  const values = [...url.searchParams.values()].filter((value) => value.length >= 6)
  return [
    ...(`${url.pathname}${url.search}`.length > 8 ? [secret, url.href, `${url.pathname}${url.search}`] : []),
    ...(url.pathname.length > 8 ? [url.pathname] : []),
    ...segments,
    ...values,
  ]
}
