import { ampFormat } from './amp.ts'
import { ampPlusFormat } from './amp-plus.ts'
import { jsonFormat } from './json.ts'
import type { Format } from './line.ts'

export const FORMATS = {
  json: jsonFormat,
  amp: ampFormat,
  'amp+': ampPlusFormat,
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof FORMATS
