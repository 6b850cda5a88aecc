// acme-client from npm as a program would use it: node-acme-client.mjs issue|revoke|roll-key|deactivate METHOD NAME (see library-client.ts).
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import acme from 'acme-client'

process.on('uncaughtException', ({ name, message }) => {
  console.error(`${name}: ${message}`)
  process.exit(1)
})

const [verb, method, name] = process.argv.slice(2)
const { ACME_FOLDER, ACME_DIRECTORY, ACME_ADDRESS, ACME_TLS_PORT, HOOK, HOOK_WEBROOT } = process.env
const file = (each) => path.join(ACME_FOLDER, each)

async function accountKey() {
  if (existsSync(file('account.pem'))) return readFileSync(file('account.pem'))
  const key = await acme.crypto.createPrivateEcdsaKey()
  writeFileSync(file('account.pem'), key)
  return key
}

const { ACME_EAB_KID, ACME_EAB_MAC } = process.env
const client = new acme.Client({
  directoryUrl: ACME_DIRECTORY,
  accountKey: await accountKey(),
  ...(ACME_EAB_KID ? { externalAccountBinding: { kid: ACME_EAB_KID, hmacKey: ACME_EAB_MAC } } : {}),
})
let responder

async function publish(authorization, challenge, keyAuthorization) {
  if (method === 'http-01') {
    writeFileSync(path.join(HOOK_WEBROOT, '.well-known', 'acme-challenge', challenge.token), keyAuthorization)
  } else if (method === 'dns-01') {
    const record = `_acme-challenge.${authorization.identifier.value}.`
    execFileSync('sh', [HOOK, 'present', record, keyAuthorization])
  } else {
    const [key, certificate] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization)
    responder = tls.createServer({ key, cert: certificate, ALPNProtocols: ['acme-tls/1'] }, (socket) => {
      socket.on('error', () => {})
      socket.end()
    })
    await new Promise((listening) => responder.listen(Number(ACME_TLS_PORT), ACME_ADDRESS, listening))
  }
}

if (verb === 'issue') {
  const [, csr] = await acme.crypto.createCsr({ altNames: [name] })
  const certificate = await client.auto({
    csr,
    email: 'operator@example.test',
    termsOfServiceAgreed: true,
    challengePriority: [method],
    skipChallengeVerification: true,
    challengeCreateFn: publish,
    challengeRemoveFn: async () => responder?.close(),
  })
  writeFileSync(file('certificate.pem'), certificate)
} else {
  await client.createAccount({ termsOfServiceAgreed: true, contact: ['mailto:operator@example.test'] })
  if (verb === 'revoke') await client.revokeCertificate(readFileSync(file('certificate.pem')))
  if (verb === 'deactivate') await client.updateAccount({ status: 'deactivated' })
  if (verb === 'roll-key') {
    const key = await acme.crypto.createPrivateEcdsaKey()
    await client.updateAccountKey(key)
    writeFileSync(file('account.pem'), key)
  }
}
