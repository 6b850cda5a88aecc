/** Variables that change whom a program trusts, through which proxy it speaks, or how it renews; they would mask what a test wants to see. */
const MASKING =
  /^(no_proxy|(https?|all|ftp)_proxy|SSL_CERT_(FILE|DIR)|NIX_SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|CURL_HOME|PIP_CERT|AWS_CA_BUNDLE|HTTPLIB2_CA_CERTS|GRPC_DEFAULT_SSL_ROOTS_FILE_PATH|CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE|GIT_SSL_CAINFO|NODE_(EXTRA_CA_CERTS|OPTIONS|TLS_REJECT_UNAUTHORIZED|USE_SYSTEM_CA)|LEGO_.*|PEBBLE_.*|UACME_.*)$/i

/** Remove them from `environment` itself. */
export function unmask(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment)) if (MASKING.test(name)) delete environment[name]
}

/**
 * For the environment of Node processes that tests start: where what was compiled once is kept, so that not each of
 * them strips and compiles the whole program again. Empty unless this process was given such a folder.
 */
export function compileCache(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE } = process.env
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }
}
