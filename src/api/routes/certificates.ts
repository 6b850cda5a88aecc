import { z } from 'zod'
import {
  type CertificateFilter,
  certificate,
  certificateFilter,
  type InventoriedCertificate,
} from '../../audit/inventory/certificate.ts'
import { everyPage } from '../../audit/inventory/every-page.ts'
import { pageOf } from '../../audit/inventory/values.ts'
import { certificateExample, pemExample } from '../examples.ts'
import type { Operations } from '../operations.ts'
import { REGISTER_COLUMNS, registerHeader, registerRow } from '../register-columns.ts'
import { type Asked, Content, type Route, route } from '../route.ts'
import { certificateImport } from '../schemas/requests.ts'
import { certificateImportReport } from '../schemas/server.ts'
import { found } from './found.ts'

const PAGE = 1000
const { limit: _limit, cursor: _cursor, ...unpaged } = certificateFilter.shape
const exportFilter = z.strictObject({
  ...unpaged,
  format: z.enum(['csv', 'jsonl']).default('csv').meta({ description: 'jsonl: one object a line.' }),
})
const fingerprint = z
  .string()
  .regex(/^[0-9A-Fa-f:]{1,96}$/, 'must be hex digits')
  .meta({
    description: 'SHA-256 fingerprint, or the serial number.',
    example: certificateExample.fingerprint,
  })

const columns = REGISTER_COLUMNS.map(({ name, says }) => `- \`${name}\`: ${says}`).join('\n')

export const certificateRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/certificates',
    id: 'listCertificates',
    tag: 'certificates',
    summary: 'Certificates that were delivered through acmetap, or imported',
    role: 'viewer',
    noted: 'certificates',
    query: certificateFilter,
    answer: pageOf('certificates', certificate),
    example: { certificates: [certificateExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.certificates(query)
      return { certificates: items, next }
    },
  }),
  route({
    method: 'GET',
    path: '/certificates/{fingerprint}',
    id: 'getCertificate',
    tag: 'certificates',
    summary: 'One certificate',
    role: 'viewer',
    params: z.strictObject({ fingerprint }),
    answer: certificate,
    example: certificateExample,
    refuses: [404],
    handle: async ({ inventory }, { params }) =>
      found(await inventory.certificate(bare(params.fingerprint)), 'there is no such certificate'),
  }),
  route({
    method: 'GET',
    path: '/certificates/{fingerprint}/pem',
    id: 'getCertificatePem',
    tag: 'certificates',
    summary: 'A certificate and what came with it, as PEM',
    role: 'viewer',
    params: z.strictObject({ fingerprint }),
    answer: { 'application/pem-certificate-chain': { schema: z.string(), example: pemExample } },
    refuses: [404],
    async handle({ inventory }, { params }) {
      const pem = await inventory.certificatePem(bare(params.fingerprint))
      return new Content('application/pem-certificate-chain', found(pem, 'this certificate is not kept'))
    },
  }),
  route({
    method: 'GET',
    path: '/export/certificates',
    id: 'exportCertificates',
    tag: 'certificates',
    summary: 'The certificate register, whole, as CSV or JSON Lines',
    description: `Every certificate the filters let through, newest first, as one stream. Every export is recorded.

Columns of the CSV, whose first line names them:

${columns}

Times are RFC 3339 in UTC. Cells that a spreadsheet would compute (beginning with \`=\`, \`+\`, \`-\`, \`@\`, a tab or a line end) have an apostrophe before them.`,
    role: 'operator',
    noted: 'export/certificates',
    query: exportFilter,
    answer: {
      'text/csv': {
        schema: z.string(),
        example: `${registerHeader()}${registerRow(certificateExample, certificateExample.firstSeen)}`,
      },
      'application/jsonl': { schema: z.string(), example: `${JSON.stringify(certificateExample)}\n` },
    },
    refuses: [429],
    async handle(operations, asked) {
      asked.takePlace('exports')
      const { format, ...filter } = asked.query
      const pages = registerPages(operations, filter, asked.ended)
      // Asked for before the answer begins: what is refused is then told with its own status.
      const first = await pages.next()
      const lines = linesOf(operations, asked, first, pages, format)
      return format === 'csv'
        ? new Content('text/csv; charset=utf-8; header=present', lines, 'certificates.csv')
        : new Content('application/jsonl; charset=utf-8', lines, 'certificates.jsonl')
    },
  }),
  route({
    method: 'POST',
    path: '/import/certificates',
    id: 'importCertificates',
    tag: 'certificates',
    summary: 'Take in certificates from files, marked as imported',
    role: 'operator',
    body: certificateImport,
    bodyExample: {
      host: 'web1.example.com',
      unmanaged: false,
      certificates: [
        {
          pem: pemExample,
          path: '/etc/letsencrypt/live/www.example.com/fullchain.pem',
          ca: null,
          format: 'certbot',
        },
      ],
    },
    bodyLimit: 16 << 20,
    answer: certificateImportReport,
    example: { added: 1, known: 0, problems: [] },
    handle: (operations, { body, actor }) => operations.importCertificates(body, actor),
  }),
]

function bare(hex: string): string {
  return hex.replaceAll(':', '').toLowerCase()
}

type Items = readonly InventoriedCertificate[]

async function* registerPages(
  { inventory }: Operations,
  filter: Omit<CertificateFilter, 'limit' | 'cursor'>,
  ended: AbortSignal,
): AsyncGenerator<Items> {
  if (ended.aborted) return
  for await (const { items } of everyPage((page) => inventory.certificates({ ...filter, ...page }), PAGE)) {
    yield items
    if (ended.aborted) return
  }
}

/** The record is told of the rows before the last byte leaves: an export that could not be recorded never ends well. */
async function* linesOf(
  operations: Operations,
  { actor, written, ended }: Asked,
  first: IteratorResult<Items>,
  rest: AsyncGenerator<Items>,
  format: 'csv' | 'jsonl',
): AsyncGenerator<string> {
  const now = new Date().toISOString()
  const line = (one: InventoriedCertificate) =>
    format === 'csv' ? registerRow(one, now) : `${JSON.stringify(one)}\n`
  let rows = 0
  try {
    if (format === 'csv') yield registerHeader()
    for (let page = first; page.done !== true; page = await rest.next()) {
      if (page.value.length > 0) yield page.value.map(line).join('')
      rows += page.value.length
      if (ended.aborted) throw new Error('the export was cut short')
    }
  } finally {
    await operations.note(actor, { event: 'exported', what: 'certificates', filter: { ...written }, rows })
  }
}
