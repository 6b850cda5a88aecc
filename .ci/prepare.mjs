// Makes a fresh clone ready: node .ci/prepare.mjs [--peers] [--bench] [--hostile] [--build] [-- COMMAND ARGUMENTS…]
//
// Plain JavaScript that runs on any Node from 18 on with nothing installed. Quiet when nothing is to do. After `--`
// comes a command that is run with the project's own Node first in the PATH, in place of the system's.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const bin = path.join(root, 'node_modules', '.bin')
const environment = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` }

/** Stands for a package without a program: a library. */
const LIBRARY = 'library '

/** Debian's package for each program or library that the demo and the tests, or only one kind of run, talk to. */
const PEERS = {
  '--peers': {
    pebble: 'pebble',
    'pebble-challtestsrv': 'pebble',
    certbot: 'certbot',
    lego: 'lego',
    dehydrated: 'dehydrated',
    uacme: 'uacme',
    openssl: 'openssl',
    curl: 'curl',
    wget: 'wget',
    python3: 'python3',
    strace: 'strace',
    unshare: 'util-linux',
    ip: 'iproute2',
    'acme-tiny': 'acme-tiny',
    lacme: 'lacme',
    'lacme-accountd': 'lacme-accountd',
    [`${LIBRARY}libcrypt-openssl-rsa-perl`]: 'libcrypt-openssl-rsa-perl',
    // The server without the service that would take port 80.
    apache2: 'apache2-bin',
    [`${LIBRARY}python3-acme`]: 'python3-acme',
    [`${LIBRARY}python3-idna`]: 'python3-idna',
    [`${LIBRARY}ruby-acme-client`]: 'ruby-acme-client',
    'gnutls-cli': 'gnutls-bin',
    certutil: 'libnss3-tools',
    [`${LIBRARY}libfaketime`]: 'libfaketime',
    [`${LIBRARY}python3-aiosmtpd`]: 'python3-aiosmtpd',
    [`${LIBRARY}python3-prometheus-client`]: 'python3-prometheus-client',
    [`${LIBRARY}python3-boto3`]: 'python3-boto3',
    [`${LIBRARY}python3-lexicon`]: 'python3-lexicon',
    dig: 'bind9-dnsutils',
    // What named and haproxy are linked with: their packages are unpacked, below.
    [`${LIBRARY}bind9-libs`]: 'bind9-libs',
    [`${LIBRARY}liblua5.3-0`]: 'liblua5.3-0',
    [`${LIBRARY}libopentracing-c-wrapper0`]: 'libopentracing-c-wrapper0',
  },
  '--hostile': { slowhttptest: 'slowhttptest' },
  '--bench': { nginx: 'nginx-light', mitmdump: 'mitmproxy' },
}

/** Unpacked beside the others, not installed: their packages start a server or change other packages' settings. */
const UNPACKED = {
  '--peers': {
    caddy: 'caddy',
    acmetool: 'acmetool',
    prometheus: 'prometheus',
    promtool: 'prometheus',
    'prometheus-alertmanager': 'prometheus-alertmanager',
    amtool: 'prometheus-alertmanager',
    nginx: 'nginx',
    named: 'bind9',
    haproxy: 'haproxy',
  },
}
const unpackedFolder = path.join(root, '.cache', 'peers')

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(`\nprepare: ${text}`)
  process.exit(1)
}

/** Run to the end with the output shown; true when it went well. */
function run(command, args, extra = {}, folder = root) {
  const done = spawnSync(command, args, {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    env: { ...environment, ...extra },
  })
  return done.error === undefined && done.status === 0
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

const digest = (...parts) =>
  parts.reduce((hash, part) => hash.update(part).update('\0'), createHash('sha256')).digest('hex')

// ---- one at a time ------------------------------------------------------------------------------------------

const lock = path.join(root, '.cache', 'prepare.lock')

function lockHolder() {
  const pid = Number(readText(lock))
  if (!Number.isInteger(pid) || pid <= 0) return null
  try {
    process.kill(pid, 0)
    return pid
  } catch (error) {
    return error.code === 'EPERM' ? pid : null
  }
}

/** Runs `work` while no other prepare works on this folder. A lock whose owner has died is taken over. */
async function alone(work) {
  fs.mkdirSync(path.dirname(lock), { recursive: true })
  for (let waited = 0; ; waited += 200) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = lockHolder()
    // A lock without a living owner may have been made this very moment: look twice before it is removed.
    if (holder === null && waited > 0) fs.rmSync(lock, { force: true })
    else if (waited === 200) say(`prepare: waiting for another prepare (process ${holder})`)
    await sleep(200)
  }
  const release = () => fs.rmSync(lock, { force: true })
  process.once('exit', release)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))
  await work()
  release()
  process.removeListener('exit', release)
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
}

// ---- npm packages -------------------------------------------------------------------------------------------

const lockText = readText(path.join(root, 'package-lock.json')) ?? fail('package-lock.json is missing')
const installStamp = path.join(root, 'node_modules', '.prepared')
const installWanted = digest(lockText, process.platform, process.arch)

/** True when node_modules, made by hand with npm, holds exactly what the lock asks for. */
function installedByHand() {
  const text = readText(path.join(root, 'node_modules', '.package-lock.json'))
  if (text === null) return false
  const have = JSON.parse(text).packages
  return Object.entries(JSON.parse(lockText).packages).every(
    ([name, wanted]) =>
      name === '' || have[name]?.version === wanted.version || (wanted.optional && have[name] === undefined),
  )
}

function installed() {
  if (readText(installStamp) === installWanted) return true
  if (!installedByHand()) return false
  fs.writeFileSync(installStamp, installWanted)
  return true
}

function install() {
  if (installed()) return
  say('prepare: installing npm packages')
  if (!run('npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund']))
    fail('npm ci failed; its message is above')
  fs.writeFileSync(installStamp, installWanted)
}

function needUsableNode() {
  const wanted = JSON.parse(readText(path.join(root, 'package.json'))).engines.node
  const [major, minor] = wanted.replace(/^>=/, '').split('.').map(Number)
  const answer = spawnSync('node', ['--version'], { env: environment, encoding: 'utf8' }).stdout ?? ''
  const [, haveMajor = 0, haveMinor = 0] = (/^v(\d+)\.(\d+)/.exec(answer) ?? []).map(Number)
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return
  fail(
    `Node ${wanted} is needed, this is ${answer.trim() || 'no Node'}. The npm packages bring their own Node on ` +
      `Linux x64 only; on ${process.platform} ${process.arch} please install Node 24 (https://nodejs.org) and try again.`,
  )
}

// ---- dist ---------------------------------------------------------------------------------------------------

const buildStamp = path.join(root, 'dist', '.prepared')

function buildWanted() {
  const files = ['tsconfig.json', 'package-lock.json']
  const walk = (folder) => {
    for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = path.join(folder, entry.name)
      if (entry.isDirectory()) walk(name)
      else files.push(name)
    }
  }
  walk('src')
  return digest(...files.sort().flatMap((file) => [file, fs.readFileSync(path.join(root, file))]))
}

const built = () => readText(buildStamp) === buildWanted()

function build() {
  const wanted = buildWanted()
  if (readText(buildStamp) === wanted) return
  say('prepare: building')
  fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true })
  if (!run('tsc', ['-p', 'tsconfig.json'])) fail('the build failed; the compiler’s errors are above')
  fs.writeFileSync(buildStamp, wanted)
}

// ---- peers --------------------------------------------------------------------------------------------------

const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** True when Debian's package manager has it, for whichever architecture. */
function libraryIsInstalled(name) {
  const folder = '/var/lib/dpkg/info'
  if (!fs.existsSync(folder)) return false
  return fs
    .readdirSync(folder)
    .some((file) => file === `${name}.list` || (file.startsWith(`${name}:`) && file.endsWith('.list')))
}

function onPath(program) {
  if (program.startsWith(LIBRARY)) return libraryIsInstalled(program.slice(LIBRARY.length))
  return [...environment.PATH.split(path.delimiter), ...SYSTEM_FOLDERS].some((folder) => {
    try {
      fs.accessSync(path.join(folder, program), fs.constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function missingPeers(groups) {
  const missing = groups
    .flatMap((group) => Object.entries(PEERS[group]))
    .filter(([program]) => !onPath(program))
  return {
    programs: missing.map(([program]) => program.replace(LIBRARY, '')),
    packages: [...new Set(missing.map(([, name]) => name))],
  }
}

function missingUnpacked(groups) {
  return groups
    .flatMap((group) => Object.entries(UNPACKED[group] ?? {}))
    .filter(
      ([program, name]) =>
        !onPath(program) &&
        !['bin', 'sbin'].some((folder) =>
          fs.existsSync(path.join(unpackedFolder, name, 'usr', folder, program)),
        ),
    )
    .map(([, name]) => name)
    .filter((name, at, all) => all.indexOf(name) === at)
}

/** Download a package and unpack it into a folder of the project. */
function unpack(name) {
  const folder = path.join(unpackedFolder, name)
  const download = `${folder}.download`
  fs.rmSync(download, { recursive: true, force: true })
  fs.mkdirSync(download, { recursive: true })
  // apt fetches as an account of its own where it can enter the folder, and says so at length where it can't.
  const got = run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', name], {}, download)
  const [archive] = fs.readdirSync(download).filter((file) => file.endsWith('.deb'))
  if (!got || archive === undefined) {
    say(`prepare: ${name} could not be downloaded; what needs it is skipped`)
  } else {
    fs.rmSync(folder, { recursive: true, force: true })
    if (!run('dpkg-deb', ['--extract', path.join(download, archive), folder]))
      fail(`${name} could not be unpacked; the message is above`)
  }
  fs.rmSync(download, { recursive: true, force: true })
}

function likeDebian() {
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readText('/etc/os-release') ?? '') && onPath('apt-get')
}

function fetchPeers(groups) {
  const { programs, packages } = missingPeers(groups)
  const unpacked = missingUnpacked(groups)
  if (packages.length + unpacked.length === 0) return
  if (!likeDebian() || process.getuid?.() !== 0) {
    say(
      `prepare: not installed: ${[...programs, ...unpacked].join(', ')}. What needs them is skipped or stops with a message.`,
    )
    say(
      likeDebian()
        ? `  install them as root: apt-get update && apt-get install --no-install-recommends ${[...packages, ...unpacked].join(' ')}`
        : '  get them from your distribution; Pebble (with pebble-challtestsrv) from https://github.com/letsencrypt/pebble',
    )
    return
  }
  const quiet = { DEBIAN_FRONTEND: 'noninteractive', APT_LISTCHANGES_FRONTEND: 'none', NEEDRESTART_MODE: 'a' }
  const apt = (...args) => run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], quiet)
  say(`prepare: fetching ${[...packages, ...unpacked].join(', ')} through apt`)
  if (!apt('update')) fail('apt-get update failed; its message is above')
  const isKnown = (name) => spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0
  const known = packages.filter(isKnown)
  const unknown = [...packages, ...unpacked].filter((name) => !isKnown(name))
  if (unknown.length > 0)
    say(`prepare: this distribution has no package ${unknown.join(', ')}; what needs it is skipped`)
  if (known.length > 0 && !apt('install', '-y', '--no-install-recommends', ...known)) {
    fail(`apt-get could not install ${known.join(' ')}; its message is above`)
  }
  for (const name of unpacked.filter(isKnown)) unpack(name)
}

// ---- main ---------------------------------------------------------------------------------------------------

const split = process.argv.indexOf('--')
const options = process.argv.slice(2, split === -1 ? undefined : split)
const command = split === -1 ? [] : process.argv.slice(split + 1)
const unknown = options.filter((option) => option !== '--build' && !(option in PEERS))
if (unknown.length > 0)
  fail(`unknown option ${unknown.join(' ')}; known: ${Object.keys(PEERS).join(' ')} --build`)

const groups = options.filter((option) => option in PEERS)
const wantsBuild = options.includes('--build')
const peersAreThere = () => missingPeers(groups).packages.length + missingUnpacked(groups).length === 0
const ready = () => installed() && (!wantsBuild || built()) && peersAreThere()

if (!ready()) {
  await alone(() => {
    install()
    needUsableNode()
    if (wantsBuild) build()
    fetchPeers(groups)
  })
} else if (!fs.existsSync(path.join(bin, 'node'))) {
  needUsableNode()
}

if (command.length > 0) {
  const child = spawn(command[0], command.slice(1), { stdio: 'inherit', env: environment })
  // The terminal sends Ctrl-C to the whole group; a signal sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`${command[0]}: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}
