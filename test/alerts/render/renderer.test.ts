import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Renderer } from '../../../src/alerts/render/renderer.ts'
import { cut, cutBytes, visible } from '../../../src/alerts/render/visible.ts'
import { HOSTILE } from '../../support/alerts/hostile-texts.ts'
import { alertOf, alertSettings, alertsOf, notificationOf } from '../../support/alerts/notifications.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'templates-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const plain = new Renderer(alertSettings())
const linked = new Renderer(alertSettings({ url: 'https://acmetap.example:9080/' }))

test('one alert says cause, words of the CA, remedy, who, names, CA, client, when, record, runbook, silence', () => {
  const { title, text } = plain.render(notificationOf())
  expect(title).toBe('[warning] www.example.com: connection refused')
  expect(text.split('\n')).toEqual([
    'Why: Nobody listens on port 80 of www.example.com. (http-refused)',
    'Said: Fetching http://www.example.com/: Connection refused',
    'Do: Start the web server, then run acmetap doctor domain www.example.com --ca pebble.',
    'Who: who runs the host of the name',
    'Names: www.example.com',
    'CA: pebble',
    'Client: certbot at 192.0.2.1',
    'Seen: 3 times, from 2026-01-31 12:00:00 UTC to 2026-01-31 12:05:00 UTC',
    'Record: acmetap exchanges show 01JZZZZZZZZZZZZZZZZZZZZZZZ',
    'Alert: acmetap alerts show 0123456789abcdef',
    '',
    'Runbook: docs/runbooks/validation-failed.md',
    "Silence: acmetap alerts silence --rule validation-failed --key 'pebble www.example.com' --for 1d",
  ])
})

test('the record is a link where the address of acmetap is known', () => {
  const { text, html } = linked.render(notificationOf())
  const link = 'https://acmetap.example:9080/api/v1/exchanges/01JZZZZZZZZZZZZZZZZZZZZZZZ'
  expect(text).toContain(`Record: ${link}\n`)
  expect(html).toContain(`<a href="${link}">${link}</a>`)
  const order = alertOf({ evidence: { exchange: null, order: 'abcdefabcdefabcd', certificate: null } })
  expect(linked.render(notificationOf({ alerts: [order] })).text).toContain(
    '/api/v1/orders/abcdefabcdefabcd\n',
  )
  expect(plain.render(notificationOf({ alerts: [order] })).text).toContain(
    'acmetap orders show abcdefabcdefabcd\n',
  )
})

test('a group says how many, what they share, of which classes, the first ten names', () => {
  const alerts = alertsOf(20, (at) => {
    const { subject } = alertsOf(at + 1)[at]!
    return { subject: { ...subject, details: { class: at < 15 ? 'http-refused' : 'dns-timeout' } } }
  })
  const { title, text } = plain.render(
    notificationOf({ alerts, title: '10000 names failed', count: 10_000, shared: 'one address (192.0.2.7)' }),
  )
  expect(title).toBe('[warning] 10000 names failed')
  expect(text).toContain('10000 alerts, seen 60 times, from 2026-01-31 12:00:00 UTC to')
  expect(text).toContain('In common: one address (192.0.2.7)\n')
  expect(text).toContain('By class: http-refused 15, dns-timeout 5\n')
  expect(text).toMatch(/Names: www0\.example\.com, .*www9\.example\.com and others\n/)
  expect(text).toContain('… and 9990 more: acmetap alerts list --rule validation-failed\n')
  expect(text).toContain('Silence all: acmetap alerts silence --rule validation-failed --ca pebble --for 1d')
  expect(text.split('\n').length).toBeLessThan(80)
})

test('what is over says why and offers no silence', () => {
  const alert = alertOf({
    state: 'resolved',
    resolved: '2026-01-31T13:00:00.000Z',
    resolution: 'The name was validated.',
  })
  const { title, text } = plain.render(
    notificationOf({ kind: 'resolved', alerts: [alert], title: `Over: ${alert.title}` }),
  )
  expect(title).toBe('Over: www.example.com: connection refused')
  expect(text).toContain('Over: The name was validated. (2026-01-31 13:00:00 UTC)')
  expect(text).not.toContain('Silence:')
  expect(text).not.toContain('Do:')
})

test.each(['report', 'heartbeat', 'test', 'digest'] as const)('a %s is its own text', (kind) => {
  const { title, text, html } = plain.render(
    notificationOf({
      kind,
      rule: null,
      alerts: [],
      count: 0,
      title: 'Week 5',
      text: 'Nothing\nto <report>.',
    }),
  )
  expect(title).toBe('Week 5')
  expect(text).toBe('Nothing\nto <report>.')
  expect(html).toContain('Nothing\nto &lt;report&gt;.')
  expect(html).not.toContain('Runbook')
})

test('an escalation says how bad it is', () => {
  expect(plain.render(notificationOf({ kind: 'escalation', severity: 'critical' })).title).toMatch(
    /^\[critical\] /,
  )
})

describe('what strangers say', () => {
  test.each(HOSTILE)('%j shows itself', (hostile) => {
    const base = alertOf()
    const alert = alertOf({
      title: hostile,
      cause: hostile,
      remedy: hostile,
      said: hostile,
      key: hostile.slice(0, 400),
      subject: {
        ...base.subject,
        ca: hostile,
        names: [hostile],
        clientText: hostile,
        details: { class: hostile },
      },
      evidence: { exchange: hostile, order: hostile, certificate: hostile },
    })
    for (const notification of [
      notificationOf({ alerts: [alert], title: hostile, shared: hostile, text: hostile }),
      notificationOf({ alerts: [alert, alert], title: hostile, shared: hostile, count: 40 }),
    ]) {
      const { title, text, html } = linked.render(notification)
      const active = /[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]|(?!\n)\p{Cc}/u
      expect(title).not.toMatch(active)
      expect(title).not.toContain('\n')
      expect(text).not.toMatch(active)
      expect(html).not.toMatch(active)
      const tags = new Set([...html.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, tag]) => tag))
      const ours = 'html head meta title body h1 h2 p table tr td q strong a code pre br'.split(' ')
      expect([...tags].filter((tag) => !ours.includes(tag!))).toEqual([])
      expect(
        [...html.matchAll(/href="([^"]*)"/g)].filter(([, to]) => !to!.startsWith('https://acmetap.example')),
      ).toEqual([])
      expect(html).not.toMatch(/<[^>]*\son[a-z]+=/i)
      expect(html).not.toContain('62710561')
    }
  })

  test('a key that a shell or terminal would take for more is quoted or left out', () => {
    const silence = (key: string) => plain.render(notificationOf({ alerts: [alertOf({ key })] })).view.silence
    expect(silence("a'; rm -rf /; '")).toBe(
      `acmetap alerts silence --rule validation-failed --key 'a'\\''; rm -rf /; '\\''' --for 1d`,
    )
    expect(silence('$(id)`id`')).toBe(
      `acmetap alerts silence --rule validation-failed --key '$(id)\`id\`' --for 1d`,
    )
    expect(silence('a\nb')).toBe('acmetap alerts list --rule validation-failed')
    expect(silence('\u202e')).toBe('acmetap alerts list --rule validation-failed')
  })

  test('commands in a remedy take only plain words', () => {
    const base = alertOf()
    const alert = alertOf({ subject: { ...base.subject, ca: 'a; id', names: ['$(id).example'] } })
    expect(plain.render(notificationOf({ alerts: [alert] })).view.alerts[0]!.remedy).toBe(
      'Start the web server, then run acmetap doctor domain NAME.',
    )
  })
})

describe('own templates', () => {
  const withTemplate = (part: 'title' | 'text' | 'html', source: string, faults: string[] = []) => {
    const file = path.join(folder, `${part}-${Math.random()}.liquid`)
    writeFileSync(file, source)
    return new Renderer(alertSettings({ templates: { [part]: file } }), (_part, message) =>
      faults.push(message),
    )
  }

  test('replace the built-in ones, one by one', () => {
    const { title, text } = withTemplate(
      'title',
      'ACME: {{ alerts[0].names | join: "+" }} {{ unknown.thing }}',
    ).render(notificationOf())
    expect(title).toBe('ACME: www.example.com')
    expect(text).toContain('Why: Nobody listens')
  })

  test('in HTML everything is escaped, raw included', () => {
    const alert = alertOf({ said: '<b>' })
    const { html } = withTemplate('html', '{{ alerts[0].said }}{{ alerts[0].said | raw }}').render(
      notificationOf({ alerts: [alert] }),
    )
    expect(html).toBe('&lt;b&gt;&lt;b&gt;')
  })

  test('one that fails over a message gives way to the built-in one, and that is told', () => {
    const faults: string[] = []
    const renderer = withTemplate('text', '{% for i in (1..100000000) %}{{ i }}{% endfor %}', faults)
    expect(renderer.render(notificationOf()).text).toContain('Why: Nobody listens')
    expect(faults).toEqual([expect.stringMatching(/memory|time/)])
  })

  test('a broken one is refused', () => {
    expect(() => withTemplate('text', '{% if %}')).toThrow(/line 1/)
  })
})

test('cutting splits no character', () => {
  expect(cut('abcdef', 4)).toBe('abc…')
  expect(cut('a😀😀', 3)).toBe('a…')
  for (let most = 4; most < 20; most += 1) {
    const text = cutBytes('aé😀aé😀aé😀', most)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(most)
    expect(text).not.toContain('\ufffd')
  }
  expect(visible('x'.repeat(5000), 10)).toHaveLength(10)
})
