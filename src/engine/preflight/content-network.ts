import type { HttpAnswer } from './http-fetch.ts'
import { firstOf } from './http-fetch.ts'

/** What content delivery networks and hosting fronts write into their answers: a field, and a text within it. */
const SIGNS: readonly (readonly [title: string, field: string, text: RegExp])[] = [
  ['Cloudflare', 'cf-ray', /./],
  ['Cloudflare', 'server', /^cloudflare/i],
  ['Amazon CloudFront', 'x-amz-cf-id', /./],
  ['Amazon CloudFront', 'via', /cloudfront/i],
  ['Fastly', 'x-served-by', /^cache-/i],
  ['Fastly', 'x-fastly-request-id', /./],
  ['Akamai', 'server', /^Akamai/i],
  ['Akamai', 'x-akamai-transformed', /./],
  ['Azure Front Door', 'x-azure-ref', /./],
  ['Google Cloud', 'via', /\bgoogle\b/i],
  ['Vercel', 'x-vercel-id', /./],
  ['Netlify', 'x-nf-request-id', /./],
  ['GitHub Pages', 'server', /^GitHub\.com/i],
  ['Bunny', 'server', /^BunnyCDN/i],
  ['Imperva', 'x-iinfo', /./],
  ['Sucuri', 'server', /^Sucuri/i],
]

/** The content network that answered; null where none shows. */
export function contentNetwork({ headers }: HttpAnswer): string | null {
  for (const [title, field, text] of SIGNS) {
    const value = firstOf(headers[field])
    if (value !== null && text.test(value)) return title
  }
  return null
}
