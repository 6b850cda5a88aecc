import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { PRESET_NAMES, PRESETS, type Preset } from '../../src/config/presets.ts'
import { directoryFault } from '../../src/config/values.ts'

test.each(PRESET_NAMES)('%s: usable directories under one origin, advice and note', (name) => {
  const preset: Preset = PRESETS[name]
  expect(preset.directories.map(directoryFault)).toEqual(preset.directories.map(() => null))
  expect(new Set(preset.directories.map((url) => new URL(url).origin)).size).toBeLessThanOrEqual(1)
  expect(preset.advice.length).toBeGreaterThan(20)
  expect(preset.note.length).toBeGreaterThan(20)
})

test.each(PRESET_NAMES.filter((name) => PRESETS[name].directories.length > 0))('%s alone is a CA', (name) => {
  const { config } = parseConfig(`version: 1\ncas: { a: { preset: ${name} } }\n`, '/x/a.yaml', { env: {} })
  expect(config.cas.a!.directory).toEqual(PRESETS[name].directories)
})

test('the CAs people run themselves can be relayed; the public ones say why not', () => {
  expect(PRESETS.pebble.relay).toBe('works')
  expect(PRESETS['step-ca'].relay).toBe('works')
  expect(PRESETS.letsencrypt.relay).toBe('refused-by-design')
})
