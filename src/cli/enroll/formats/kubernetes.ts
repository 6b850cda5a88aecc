/**
 * Partial objects for `kubectl apply --server-side`: each holds only the fields that lead through acmetap, which
 * the API server merges into what is there. Applied again without those fields, by the same field manager, they
 * are gone: that is the undo. Everything else of the objects stays its owner's.
 */
import { Document } from 'yaml'
import { watchOf } from '../binding.ts'
import {
  type Client,
  type Container,
  type Enrolment,
  hasOwnServer,
  noProxy,
  proxyUrl,
  slugOf,
} from '../client.ts'

const MANAGER = 'acmetap'
const MOUNT = '/etc/acmetap'
const SYSTEM_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
/** What a cluster's own traffic must not send through the proxy; an operator changes it to the real networks. */
const CLUSTER = '10.96.0.0/12,10.0.0.0/8,kubernetes.default.svc,.svc,.cluster.local'

type Json = Readonly<Record<string, unknown>>

export function kubernetes(
  client: Client,
  enrolment: Enrolment,
  container: Container,
  undo: boolean,
): string {
  const objects = client.platform === 'kubernetes' ? certManager : workload
  const documents = objects(client, enrolment, container, undo).map((one) => new Document(one))
  documents[0]!.commentBefore = [
    ` ${undo ? 'Takes' : 'Leads'} ${client.title} ${undo ? 'out of' : 'through'} acmetap${undo ? '' : `, mode ${enrolment.mode}`}.`,
    ` kubectl apply --server-side --force-conflicts --field-manager=${MANAGER} -f FILE`,
    ' Change names and namespaces to yours.',
    ...(undo
      ? [
          ` Then: kubectl delete configmap -n ${container.namespace} ${configMapName(client)} --ignore-not-found`,
        ]
      : [
          ...watchOf(client, enrolment, PLACES).map((line) => ` ${line}`),
          ` Schedule: ${client.schedule}.`,
          ` Undo: acmetap enroll ${client.name} --format kubernetes --undo`,
        ]),
    ...(enrolment.proxy.user === null || enrolment.mode !== 'intercept' || undo
      ? []
      : [
          ` The proxy URL with its password comes from a secret: kubectl create secret generic acmetap-proxy -n ${container.namespace} --from-literal=url=${enrolment.proxy.scheme}://${enrolment.proxy.user}:PASSWORD@${enrolment.proxy.host}:${enrolment.proxy.port}`,
        ]),
  ].join('\n')
  return documents.map((one) => one.toString({ lineWidth: 0 })).join('---\n')
}

const PLACES = {
  own: MOUNT,
  root: `${MOUNT}/root.pem`,
  bundle: `${MOUNT}/bundle.pem`,
  env: '',
  run: 'env',
}

function configMapName(client: Client): string {
  return `acmetap-root-${slugOf(client)}`
}

/** Issuer and controller. caBundle is that Issuer's whole pool, so no file is needed. */
function certManager(_client: Client, enrolment: Enrolment, container: Container, undo: boolean): Json[] {
  const pem = allPem(enrolment)
  const acme = {
    ...(hasOwnServer(enrolment) ? { server: enrolment.relayed[0] } : {}),
    ...(enrolment.eab === null
      ? {}
      : {
          externalAccountBinding: {
            keyID: enrolment.eab,
            keySecretRef: { name: 'acmetap-eab', key: 'secret' },
          },
        }),
    caBundle: Buffer.from(pem).toString('base64'),
  }
  const issuer = {
    apiVersion: 'cert-manager.io/v1',
    kind: 'ClusterIssuer',
    metadata: {
      name: enrolment.ca,
      annotations: undo ? {} : { 'acmetap/root-sha256': fingerprints(enrolment) },
    },
    ...(undo ? restoredServer(enrolment) : { spec: { acme } }),
  }
  if (enrolment.mode !== 'intercept') return [issuer]
  const env = undo ? [] : proxyVariables(enrolment, `localhost,127.0.0.1,::1,${CLUSTER}`)
  return [issuer, podOwner(container, { containers: [{ name: container.container, env }] })]
}

/** A field that had a value before was taken over: giving it up would leave none. */
function restoredServer(enrolment: Enrolment): Json {
  return hasOwnServer(enrolment) ? { spec: { acme: { server: enrolment.directories[0] } } } : {}
}

/** Any other client in a pod: root from a ConfigMap, a bundle made beside the image's own roots. */
function workload(client: Client, enrolment: Enrolment, container: Container, undo: boolean): Json[] {
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: configMapName(client),
      namespace: container.namespace,
      annotations: { 'acmetap/root-sha256': fingerprints(enrolment) },
    },
    data: { 'root.pem': allPem(enrolment) },
  }
  const named = { name: container.container }
  if (undo) return [podOwner(container, { containers: [{ ...named, env: [], volumeMounts: [] }] })]
  const { trust } = client
  const env = [
    ...(client.proxyVariables && enrolment.mode === 'intercept'
      ? proxyVariables(enrolment, `${noProxy(enrolment)},${CLUSTER}`)
      : []),
    ...trust.replacing.map((name) => ({ name, value: PLACES.bundle })),
    ...trust.adding.map((name) => ({ name, value: PLACES.root })),
  ]
  const pod = {
    initContainers: [
      {
        name: 'acmetap-bundle',
        image: 'docker.io/library/alpine:3',
        command: [
          'sh',
          '-c',
          `cat ${SYSTEM_BUNDLE} /root-map/root.pem >/made/bundle.pem && cp /root-map/root.pem /made/`,
        ],
        volumeMounts: [
          { name: 'acmetap-root', mountPath: '/root-map', readOnly: true },
          { name: 'acmetap-made', mountPath: '/made' },
        ],
      },
    ],
    containers: [
      {
        ...named,
        env,
        volumeMounts: [
          { name: 'acmetap-made', mountPath: MOUNT, readOnly: true },
          // What reads nothing but the system's store finds the bundle in its place.
          ...(trust.store
            ? [{ name: 'acmetap-made', mountPath: SYSTEM_BUNDLE, subPath: 'bundle.pem', readOnly: true }]
            : []),
        ],
      },
    ],
    ...(enrolment.mode === 'sni'
      ? {
          hostAliases: [
            {
              ip: enrolment.proxy.host,
              hostnames: enrolment.directories.map((url) => new URL(url).hostname),
            },
          ],
        }
      : {}),
    volumes: [
      { name: 'acmetap-root', configMap: { name: configMapName(client) } },
      { name: 'acmetap-made', emptyDir: {} },
    ],
  }
  return [map, podOwner(container, pod)]
}

function podOwner({ kind, namespace, name }: Container, pod: Json): Json {
  const template = { spec: pod }
  return kind === 'CronJob'
    ? {
        apiVersion: 'batch/v1',
        kind,
        metadata: { name, namespace },
        spec: { jobTemplate: { spec: { template } } },
      }
    : { apiVersion: 'apps/v1', kind, metadata: { name, namespace }, spec: { template } }
}

function proxyVariables({ proxy }: Enrolment, exceptions: string): Json[] {
  const url =
    proxy.user === null
      ? { value: proxyUrl(proxy) }
      : { valueFrom: { secretKeyRef: { name: 'acmetap-proxy', key: 'url' } } }
  return [
    { name: 'HTTPS_PROXY', ...url },
    { name: 'NO_PROXY', value: exceptions },
  ]
}

function allPem({ roots, proxyRoots }: Enrolment): string {
  return [...roots, ...proxyRoots].map(({ pem }) => `${pem.trim()}\n`).join('')
}

function fingerprints({ roots }: Enrolment): string {
  return roots.map(({ sha256 }) => sha256).join(' ')
}
