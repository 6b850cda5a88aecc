import { escapeText } from '../../escape.ts'
import type { ReportDocument } from './document.ts'

/** As one HTML page that needs nothing else, runs nothing and can be printed. Part by part, for a long one. */
export function* htmlOf({ title, facts, sections }: ReportDocument): Generator<string> {
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${text(title)}</h1>
<dl>
`
  for (const [name, value] of facts) yield `<dt>${text(name)}</dt><dd>${text(value)}</dd>\n`
  yield '</dl>\n'
  for (const { title: heading, note, head, rows } of sections) {
    yield `<h2>${text(heading)}</h2>\n<p>${text(note)}</p>\n`
    if (rows.length === 0) {
      yield '<p>None.</p>\n'
      continue
    }
    yield `<table>\n<thead><tr>${head.map((cell) => `<th scope="col">${text(cell)}</th>`).join('')}</tr></thead>\n<tbody>\n`
    for (const cells of rows) yield `<tr>${cells.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>\n`
    yield '</tbody>\n</table>\n'
  }
  yield '</body>\n</html>\n'
}

const STYLE = `
body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#111;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;break-after:avoid}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:12px}
th,td{border:1px solid #ccc;padding:.25rem .4rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:#f2f2f2}thead{display:table-header-group}tr{break-inside:avoid}
@media print{@page{size:A4 landscape;margin:12mm}body{margin:0;font-size:10px}table{font-size:8px}}
`

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function text(data: string): string {
  return escapeText(data).replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}
