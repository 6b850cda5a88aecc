import { createRequire } from 'node:module'
import { libraryClient } from './library-client.ts'

function installed(): boolean {
  try {
    createRequire(import.meta.url).resolve('acme-client')
    return true
  } catch {
    return false
  }
}

export const nodeAcmeClient = libraryClient({
  name: 'npm acme-client',
  methods: ['http-01', 'dns-01', 'tls-alpn-01'],
  userAgent: /^node-acme-client/,
  survivesBadNonce: true,
  knowsEab: true,
  rollsKey: true,
  missing: async () => (installed() ? null : 'the npm package acme-client is not installed'),
  command: [process.execPath, 'node-acme-client.mjs'],
  environment: ({ trust }) => ({ NODE_EXTRA_CA_CERTS: trust }),
})
