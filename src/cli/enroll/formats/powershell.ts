/** PowerShell for win-acme: settings.json and the machine's root store. Can be run again. */
import { watchOf } from '../binding.ts'
import { type Client, type Enrolment, hasOwnServer, hostOf, proxyUrl } from '../client.ts'

const SETTINGS = [
  "$ErrorActionPreference = 'Stop'",
  "$settings = Join-Path (Get-Location) 'settings.json'",
  '$kept = "$settings.acmetap-before"',
]

export function powershellEnrol(client: Client, enrolment: Enrolment): string {
  const { mode, proxy, roots } = enrolment
  return [
    ...comments([
      `Leads ${client.title} through acmetap, mode ${mode}, at ${hasOwnServer(enrolment) ? [...new Set(enrolment.relayed)].join(', ') : proxyUrl(proxy)}.`,
      ...watchOf(client, enrolment, { own: '', root: '', bundle: '', env: '', run: '' }),
      `Schedule: ${client.schedule}.`,
    ]),
    ...SETTINGS,
    "if (-not (Test-Path $settings)) { Copy-Item 'settings_default.json' $settings; Set-Content \"$kept.absent\" '' }",
    'elseif (-not (Test-Path $kept)) { Copy-Item $settings $kept }',
    "# acmetap's root, checked by its SHA-256 fingerprint before anything trusts it.",
    `$expected = @(${roots.map(({ sha256 }) => `'${sha256}'`).join(', ')})`,
    ...(hasOwnServer(enrolment)
      ? ["$pem = @'", ...roots.map(({ pem }) => pem.trim()), "'@"]
      : [
          `$pem = (New-Object Net.WebClient -Property @{ Proxy = $null }).DownloadString('http://${proxy.host}:${proxy.port}/root.pem')`,
        ]),
    "foreach ($found in [regex]::Matches($pem, '(?s)-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----')) {",
    '  $der = [Convert]::FromBase64String($found.Groups[1].Value)',
    '  $sha = [Security.Cryptography.SHA256]::Create().ComputeHash($der)',
    "  $print = -join ($sha | ForEach-Object { $_.ToString('X2') })",
    '  if ($expected -notcontains $print) { throw "the root has fingerprint $print, expected $expected" }',
    '  $file = New-TemporaryFile',
    '  [IO.File]::WriteAllBytes($file, $der)',
    '  Import-Certificate -FilePath $file -CertStoreLocation Cert:\\LocalMachine\\Root | Out-Null',
    '  Remove-Item $file',
    '}',
    '$json = Get-Content $settings -Raw | ConvertFrom-Json',
    ...(mode === 'intercept'
      ? [
          '# The proxy of win-acme alone.',
          `$json.Proxy.Url = '${proxyUrl(proxy)}'`,
          ...(proxy.user === null
            ? []
            : [
                `$json.Proxy.Username = '${proxy.user}'`,
                '$json.Proxy.Password = $env:ACMETAP_PROXY_PASSWORD',
              ]),
        ]
      : []),
    ...(hasOwnServer(enrolment) ? [`$json.Acme.DefaultBaseUri = '${enrolment.relayed[0]}'`] : []),
    ...(mode === 'sni'
      ? [
          "# This machine finds acmetap under the CA's name. Leave it out where the network's own DNS says so.",
          `$address = [Net.Dns]::GetHostAddresses('${proxy.host}')[0]`,
          ...[...new Set(enrolment.directories.map(hostOf))].map(
            (host) =>
              `Add-Content "$env:SystemRoot\\System32\\drivers\\etc\\hosts" "$address ${host} # acmetap"`,
          ),
        ]
      : []),
    '$json | ConvertTo-Json -Depth 16 | Set-Content $settings',
    '',
  ].join('\r\n')
}

export function powershellUndo(client: Client, enrolment: Enrolment): string {
  return [
    ...comments([
      `Takes ${client.title} out of acmetap: settings.json as it was, our root out of the store.`,
    ]),
    ...SETTINGS,
    'if (Test-Path "$kept.absent") { Remove-Item $settings, "$kept.absent" }',
    'elseif (Test-Path $kept) { Move-Item -Force $kept $settings }',
    `$ours = @(${enrolment.roots.map(({ sha256 }) => `'${sha256}'`).join(', ')})`,
    'foreach ($root in Get-ChildItem Cert:\\LocalMachine\\Root) {',
    '  $sha = [Security.Cryptography.SHA256]::Create().ComputeHash($root.RawData)',
    "  if ($ours -contains (-join ($sha | ForEach-Object { $_.ToString('X2') }))) { Remove-Item $root.PSPath }",
    '}',
    ...(enrolment.mode === 'sni'
      ? [
          '$hosts = "$env:SystemRoot\\System32\\drivers\\etc\\hosts"',
          "(Get-Content $hosts) -notmatch ' # acmetap$' | Set-Content $hosts",
        ]
      : []),
    '',
  ].join('\r\n')
}

function comments(lines: readonly string[]): string[] {
  return lines.map((line) => `# ${line}`)
}
