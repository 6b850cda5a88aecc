/**
 * Hosts that ACME clients reach beside their CA through the same proxy variable, by purpose. Names only, on port 443
 * (80 for plain `http://` requests);
 * `*.name` stands for every name below.
 */
export const OTHER_HOST_PRESETS = {
  'dns-providers': [
    'api.cloudflare.com',
    'route53.amazonaws.com',
    'sts.amazonaws.com',
    '*.sts.amazonaws.com',
    'dns.googleapis.com',
    'oauth2.googleapis.com',
    'management.azure.com',
    'login.microsoftonline.com',
    'api.digitalocean.com',
    'dns.hetzner.com',
    'api.hetzner.cloud',
    'api.gandi.net',
    'dns.api.gandi.net',
    'api.godaddy.com',
    'api.namecheap.com',
    'api.name.com',
    'api.dnsimple.com',
    'api.linode.com',
    'api.vultr.com',
    'api.nsone.net',
    'eu.api.ovh.com',
    'ca.api.ovh.com',
    'api.scaleway.com',
    'desec.io',
    'api.porkbun.com',
    'auth.acme-dns.io',
    'njal.la',
    'api.ionos.com',
    'api.hosting.ionos.com',
    'api.inwx.com',
    'api.domrobot.com',
    'api.transip.nl',
    'www.duckdns.org',
    'api.cloudns.net',
    'ccp.netcup.net',
    'api.bunny.net',
    'alidns.aliyuncs.com',
    'dnspod.tencentcloudapi.com',
  ],
  'ca-services': [
    // EAB for an e-mail address, which acme.sh and Caddy ask for.
    'api.zerossl.com',
    'crt.sh',
    'ocsp.sectigo.com',
    'acme.zerossl.com',
    'letsencrypt.org',
  ],
  'package-mirrors': [
    'deb.debian.org',
    'security.debian.org',
    '*.archive.ubuntu.com',
    'archive.ubuntu.com',
    'security.ubuntu.com',
    'pypi.org',
    'files.pythonhosted.org',
    'github.com',
    'objects.githubusercontent.com',
    'raw.githubusercontent.com',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type OtherHostPreset = keyof typeof OTHER_HOST_PRESETS
export const OTHER_HOST_PRESET_NAMES = Object.keys(OTHER_HOST_PRESETS) as OtherHostPreset[]
