/**
 * Requests that two readers of HTTP/1.1 may end at different bytes, or lead to different hosts (RFC 9112 §11.2). Each
 * holds a second request, for `/smuggled-N`, where a careless reader would find one; nobody may ever be sent that.
 */
export interface SmuggledRequest {
  readonly name: string
  /**
   * `refused`: it must not be passed on. `either`: it is odd but has one reading, so that it may be; what arrives must
   * then be one whole request.
   */
  readonly expected: 'refused' | 'either'
  /** The bytes, one character each. `first` and `smuggled` are the targets of the request and of the one in it. */
  make(setting: SmugglingSetting): string
}

export interface SmugglingSetting {
  /** `host:port` of the CA. */
  readonly authority: string
  readonly first: string
  readonly smuggled: string
}

type Lines = (setting: SmugglingSetting) => string

const hidden = ({ smuggled, authority }: SmugglingSetting) =>
  `GET ${smuggled} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`

/** A POST with the fields and the body that are given; a body of null is the hidden request alone. */
function post(
  name: string,
  fields: string | Lines,
  body: string | Lines | null = null,
  expected: SmuggledRequest['expected'] = 'refused',
): SmuggledRequest {
  return {
    name,
    expected,
    make(setting) {
      const text = typeof fields === 'string' ? fields : fields(setting)
      const content = body === null ? hidden(setting) : typeof body === 'string' ? body : body(setting)
      return `POST ${setting.first} HTTP/1.1\r\nHost: ${setting.authority}\r\n${text}\r\n${content}`
    },
  }
}

/** A chunked POST whose chunks are given as they are. */
const chunked = (name: string, body: string | Lines, expected: SmuggledRequest['expected'] = 'refused') =>
  post(`chunks: ${name}`, 'Transfer-Encoding: chunked\r\n', body, expected)

function line(
  name: string,
  start: Lines,
  expected: SmuggledRequest['expected'] = 'refused',
  host: Lines = ({ authority }) => `Host: ${authority}\r\n`,
): SmuggledRequest {
  return { name, expected, make: (setting) => `${start(setting)}${host(setting)}\r\n` }
}

/** What the chunked reading takes as an end, followed by the hidden request. */
const ended: Lines = (setting) => `0\r\n\r\n${hidden(setting)}`

const CODINGS = [
  'xchunked',
  'chunked, identity',
  'identity, chunked',
  'chunked, chunked',
  'identity',
  'gzip',
  'gzip, chunked',
  'chunked, gzip',
  'chunked;q=1',
  'chunked; a=b',
  '"chunked"',
  "'chunked'",
  'chunked,',
  ',chunked',
  ', chunked',
  'chun ked',
  'chunked chunked',
  'chunked\x0b',
  '\x0bchunked',
  '\x0cchunked',
  'chunked\x00',
  'chunked\x80',
  '\xa0chunked',
  'chunked\x7f',
  'cow',
  'cow, chunked',
  'chunked, cow',
  'deflate',
  'compress, chunked',
  'trailers',
  '',
  ' ',
  'chunked\r\n , identity',
  '\r\n chunked',
  '\r\n\tchunked',
  'x: chunked',
  'chunke',
  'chunkedd',
  '{chunked}',
  'chunked/1',
]

const CODING_NAMES = [
  'Transfer-Encoding ',
  'Transfer-Encoding\t',
  ' Transfer-Encoding',
  '\tTransfer-Encoding',
  'Transfer-Encoding\x00',
  'Transfer\x00-Encoding',
  'Transfer-Encoding\x0b',
  'Transfer-Encoding\x80',
  'Transfer-\r\n Encoding',
  'Transfer-\nEncoding',
  'X: y\nTransfer-Encoding',
  'X: y\rTransfer-Encoding',
  'X: y\r\rTransfer-Encoding',
  'X: y\r\n\tz\r\nTransfer-Encoding',
  'Transfer-Encoding: x\nTransfer-Encoding',
  '(Transfer-Encoding',
  '"Transfer-Encoding"',
  'Transfer Encoding',
  'Transfer-Encoding: identity\r\nTransfer-Encoding',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding',
  'transfer-encoding: chunked\r\nTRANSFER-ENCODING',
]

const LENGTHS = [
  '5, 5',
  '5,5',
  '5, 6',
  '+5',
  '-5',
  '- 5',
  '5 5',
  '0x5',
  '5.0',
  '5;',
  '5;a=b',
  '5,',
  ',5',
  '\x0b5',
  '5\x0b',
  '5\x00',
  '5\x80',
  '\xb2',
  '',
  ' ',
  '5\r\n 5',
  '\r\n 5',
  '1e1',
  '5_0',
  '"5"',
  '5 chunked',
  'five',
  '99999999999999999999',
  '18446744073709551621',
  '4294967301 4',
  '\xd9\xa5',
]

const LENGTH_NAMES = [
  'Content-Length ',
  'Content-Length\t',
  ' Content-Length',
  '\tContent-Length',
  'Content-Length\x00',
  'Content\x00-Length',
  'Content-Length\x0b',
  'X: y\nContent-Length',
  'X: y\rContent-Length',
  'Content-\r\n Length',
  'Content Length',
  '"Content-Length"',
]

const FRAMING: readonly SmuggledRequest[] = [
  ...CODINGS.map((value) =>
    post(`Transfer-Encoding: ${shown(value)}`, `Transfer-Encoding: ${value}\r\n`, ended),
  ),
  ...[...CODINGS, 'chunked', 'Chunked'].map((value) =>
    post(
      `Content-Length and Transfer-Encoding: ${shown(value)}`,
      `Content-Length: 5\r\nTransfer-Encoding: ${value}\r\n`,
      ended,
    ),
  ),
  ...CODING_NAMES.map((name) => post(`field ${shown(name)}: chunked`, `${name}: chunked\r\n`, ended)),
  ...CODING_NAMES.map((name) =>
    post(`Content-Length and field ${shown(name)}`, `Content-Length: 5\r\n${name}: chunked\r\n`, ended),
  ),
  ...LENGTHS.map((value) => post(`Content-Length: ${shown(value)}`, `Content-Length: ${value}\r\n`)),
  ...LENGTH_NAMES.map((name) => post(`field ${shown(name)}: 5`, `${name}: 5\r\n`)),
  post('two equal lengths', 'Content-Length: 5\r\nContent-Length: 5\r\n'),
  post('two lengths', 'Content-Length: 5\r\nContent-Length: 0\r\n'),
  post('two lengths, the first is 0', 'Content-Length: 0\r\ncontent-length: 40\r\n'),
  post('a coding before the length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', ended),
  post('length 0 and chunks', 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', ended),
  post('Chunked', 'Transfer-Encoding: Chunked\r\n', '5\r\nhello\r\n0\r\n\r\n', 'either'),
  post('chunked and a space', 'Transfer-Encoding: chunked \r\n', '5\r\nhello\r\n0\r\n\r\n', 'either'),
  post('chunked and a tab', 'Transfer-Encoding:\tchunked\r\n', '5\r\nhello\r\n0\r\n\r\n', 'either'),
  post('Transfer_Encoding', 'Transfer_Encoding: chunked\r\nContent-Length: 5\r\n', 'hello', 'either'),
  post('Content_Length', 'Content_Length: 5\r\nContent-Length: 0\r\n', '', 'either'),
  post('a length with zeros', 'Content-Length: 0000005\r\n', 'hello', 'either'),
  post(
    'Connection names the length',
    'Connection: Content-Length\r\nContent-Length: 5\r\n',
    'hello',
    'either',
  ),
  post('Connection names Host', 'Connection: close, Host\r\nContent-Length: 5\r\n', 'hello', 'either'),
  post(
    'Connection names the coding',
    'Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n',
    '5\r\nhello\r\n0\r\n\r\n',
    'either',
  ),
]

const CHUNKS: readonly SmuggledRequest[] = [
  chunked('0x before the size', '0x5\r\nhello\r\n0\r\n\r\n'),
  chunked('+ before the size', '+5\r\nhello\r\n0\r\n\r\n'),
  chunked('- before the size', '-5\r\nhello\r\n0\r\n\r\n'),
  chunked('a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'),
  chunked('no size', '\r\nhello\r\n0\r\n\r\n'),
  chunked('a size that is no number', 'five\r\nhello\r\n0\r\n\r\n'),
  chunked('_ in the size', '0_5\r\nhello\r\n0\r\n\r\n'),
  chunked('NUL in the size', '5\x00\r\nhello\r\n0\r\n\r\n'),
  chunked('a size over 64 bits', (s) => `10000000000000005\r\nhello\r\n${ended(s)}`),
  chunked('a size of all ones', (s) => `ffffffffffffffff\r\nhello\r\n${ended(s)}`),
  chunked('LF after the size', (s) => `5\nhello\r\n${ended(s)}`),
  chunked('CR after the size', (s) => `5\rhello\r\n${ended(s)}`),
  chunked('LF after the data', (s) => `5\r\nhello\n${ended(s)}`),
  chunked('nothing after the data', (s) => `5\r\nhello${ended(s)}`),
  chunked('more data than the size', (s) => `5\r\nhello!!\r\n${ended(s)}`),
  chunked('two bytes in place of CR LF', (s) => `5\r\nhelloXX${ended(s)}`),
  chunked('LF in an extension', (s) => `5;a\nb\r\nhello\r\n${ended(s)}`),
  chunked('CR in an extension', (s) => `5;a\rb\r\nhello\r\n${ended(s)}`),
  chunked('NUL in an extension', (s) => `5;a=\x00\r\nhello\r\n${ended(s)}`),
  chunked('an extension of 100 kB', (s) => `5;${'a'.repeat(100_000)}\r\nhello\r\n${ended(s)}`),
  chunked('LF after the last size', (s) => `0\n\r\n${hidden(s)}`),
  chunked('LF at the very end', (s) => `0\r\n\n${hidden(s)}`),
  chunked('CR at the very end', (s) => `0\r\n\r${hidden(s)}`),
  chunked('an empty line before the size', (s) => `\r\n5\r\nhello\r\n${ended(s)}`),
  chunked('a minus zero', (s) => `-0\r\n\r\n${hidden(s)}`),
  chunked('a trailer with a bare LF', (s) => `0\r\nX: y\nZ: z\r\n\r\n${hidden(s)}`),
  chunked('a folded trailer', (s) => `0\r\nX: y\r\n z\r\n\r\n${hidden(s)}`),
  chunked('a trailer without a colon', (s) => `0\r\nX\r\n\r\n${hidden(s)}`),
  chunked('a length as trailer', '0\r\nContent-Length: 40\r\n\r\n', 'either'),
  chunked('a coding as trailer', '0\r\nTransfer-Encoding: chunked\r\n\r\n', 'either'),
  chunked('another Host as trailer', '0\r\nHost: elsewhere.test\r\n\r\n', 'either'),
  chunked('an extension', '5;a=b\r\nhello\r\n0\r\n\r\n', 'either'),
  chunked('a quoted extension', '5;a="b;c"\r\nhello\r\n0\r\n\r\n', 'either'),
  chunked('a space after the size', '5 \r\nhello\r\n0\r\n\r\n', 'either'),
  chunked('zeros before the size', '0000005\r\nhello\r\n000\r\n\r\n', 'either'),
  chunked('an extension of the last chunk', '5\r\nhello\r\n0;a\r\n\r\n', 'either'),
  chunked('a trailer', '5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n', 'either'),
]

const REQUEST_LINES: readonly SmuggledRequest[] = [
  line('no version', (s) => `GET ${s.first}\r\n`),
  line('HTTP/0.9', (s) => `GET ${s.first} HTTP/0.9\r\n`),
  line('HTTP/1.2', (s) => `GET ${s.first} HTTP/1.2\r\n`),
  line('HTTP/1.01', (s) => `GET ${s.first} HTTP/1.01\r\n`),
  line('HTTP/2.0', (s) => `GET ${s.first} HTTP/2.0\r\n`),
  line('HTTP/11', (s) => `GET ${s.first} HTTP/11\r\n`),
  line('HTTP/1.1 and a word', (s) => `GET ${s.first} HTTP/1.1 x\r\n`),
  line('http/1.1', (s) => `GET ${s.first} http/1.1\r\n`),
  line('HTTPS/1.1', (s) => `GET ${s.first} HTTPS/1.1\r\n`),
  line('ICE/1.1', (s) => `GET ${s.first} ICE/1.1\r\n`),
  // The parser reads it and doesn't say; it is passed on as HTTP/1.1.
  line('RTSP/1.1', (s) => `GET ${s.first} RTSP/1.1\r\n`, 'either'),
  line('two spaces', (s) => `GET  ${s.first}  HTTP/1.1\r\n`, 'either'),
  line('tabs', (s) => `GET\t${s.first}\tHTTP/1.1\r\n`),
  line('a space in the target', (s) => `GET ${s.first} x HTTP/1.1\r\n`),
  line('LF at its end', (s) => `GET ${s.first} HTTP/1.1\n`),
  line('CR at its end', (s) => `GET ${s.first} HTTP/1.1\r`),
  line('CR CR LF at its end', (s) => `GET ${s.first} HTTP/1.1\r\r\n`),
  line('a leading space', (s) => ` GET ${s.first} HTTP/1.1\r\n`),
  line('a method in lower case', (s) => `get ${s.first} HTTP/1.1\r\n`),
  line('an unknown method', (s) => `SMUGGLE ${s.first} HTTP/1.1\r\n`),
  line('a method with a bracket', (s) => `GE(T ${s.first} HTTP/1.1\r\n`),
  line('NUL in the method', (s) => `G\x00ET ${s.first} HTTP/1.1\r\n`),
  line('NUL in the target', (s) => `GET ${s.first}\x00 HTTP/1.1\r\n`),
  line('CR in the target', (s) => `GET ${s.first}\rX: y HTTP/1.1\r\n`),
  line('LF in the target', (s) => `GET ${s.first}\nX: y HTTP/1.1\r\n`),
  line('a target beyond ASCII', (s) => `GET ${s.first}\xff HTTP/1.1\r\n`),
  line('a control character in the target', (s) => `GET ${s.first}\x01 HTTP/1.1\r\n`),
  line('a fragment', (s) => `GET ${s.first}#x HTTP/1.1\r\n`),
  line('no slash', (s) => `GET ${s.first.slice(1)} HTTP/1.1\r\n`),
  line('absolute-form', (s) => `GET https://${s.authority}${s.first} HTTP/1.1\r\n`),
  line('absolute-form over http', (s) => `GET http://${s.authority}${s.first} HTTP/1.1\r\n`),
  line('absolute-form of another host', (s) => `GET https://elsewhere.test${s.first} HTTP/1.1\r\n`),
  line('absolute-form with userinfo', (s) => `GET https://a@${s.authority}${s.first} HTTP/1.1\r\n`),
  line(
    'absolute-form of ours, another Host',
    (s) => `GET https://${s.authority}${s.first} HTTP/1.1\r\n`,
    'refused',
    () => 'Host: elsewhere.test\r\n',
  ),
  line('absolute-form of file', (s) => `GET file://${s.first} HTTP/1.1\r\n`),
  line('authority-form', (s) => `GET ${s.authority} HTTP/1.1\r\n`),
  line('asterisk-form of GET', () => 'GET * HTTP/1.1\r\n'),
  line('asterisk-form of OPTIONS', () => 'OPTIONS * HTTP/1.1\r\n'),
  line('CONNECT', (s) => `CONNECT ${s.authority} HTTP/1.1\r\n`),
  line('CONNECT to another host', () => 'CONNECT elsewhere.test:443 HTTP/1.1\r\n'),
  line('CONNECT to a path', (s) => `CONNECT ${s.first} HTTP/1.1\r\n`),
  line('HTTP/2 preface', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  line('an empty line', () => '\r\n', 'either'),
  line('only a method', () => 'GET\r\n'),
  line('a field in its place', () => 'X: y\r\n'),
  line('a target of 20,000 bytes', (s) => `GET ${s.first}?${'a'.repeat(20_000)} HTTP/1.1\r\n`),
  line('a target of 5,000 bytes', (s) => `GET ${s.first}?${'a'.repeat(5000)} HTTP/1.1\r\n`),
  line('an empty line before it', (s) => `\r\nGET ${s.first} HTTP/1.1\r\n`, 'either'),
  line('two slashes', (s) => `GET /${s.first} HTTP/1.1\r\n`, 'either'),
  line('a backslash', (s) => `GET ${s.first}\\x HTTP/1.1\r\n`, 'either'),
  line('percent-encoded line ends', (s) => `GET ${s.first}%0d%0aX:%20y HTTP/1.1\r\n`, 'either'),
]

const withHost = (name: string, host: Lines, expected: SmuggledRequest['expected'] = 'refused') =>
  line(`Host: ${name}`, (s) => `GET ${s.first} HTTP/1.1\r\n`, expected, host)

const HOSTS: readonly SmuggledRequest[] = [
  withHost('twice', (s) => `Host: ${s.authority}\r\nHost: ${s.authority}\r\n`),
  withHost('and another', (s) => `Host: ${s.authority}\r\nHost: elsewhere.test\r\n`),
  withHost('another and ours', (s) => `Host: elsewhere.test\r\nHost: ${s.authority}\r\n`),
  withHost('and host', (s) => `Host: ${s.authority}\r\nhost: elsewhere.test\r\n`),
  withHost('none', () => ''),
  withHost('empty', () => 'Host:\r\n'),
  withHost('another', () => 'Host: elsewhere.test\r\n'),
  withHost('a list', (s) => `Host: ${s.authority}, elsewhere.test\r\n`),
  withHost('userinfo', (s) => `Host: a@${s.authority}\r\n`),
  withHost('ours as userinfo', (s) => `Host: ${s.authority}@elsewhere.test\r\n`),
  withHost('a path', (s) => `Host: ${s.authority}/x\r\n`),
  withHost('a query', (s) => `Host: ${s.authority}?x\r\n`),
  withHost('a fragment', (s) => `Host: ${s.authority}#x\r\n`),
  withHost('a space', (s) => `Host: ${s.authority} elsewhere.test\r\n`),
  withHost('a tab', (s) => `Host: ${s.authority}\telsewhere.test\r\n`),
  withHost('NUL', (s) => `Host: ${s.authority}\x00.elsewhere.test\r\n`),
  withHost('another port', (s) => `Host: ${s.authority.split(':')[0]}:1\r\n`),
  withHost('without the port', (s) => `Host: ${s.authority.split(':')[0]}\r\n`),
  withHost('a port with zeros', (s) => `Host: ${s.authority.replace(':', ':0')}\r\n`),
  withHost('a trailing dot', (s) => `Host: ${s.authority.replace(':', '.:')}\r\n`),
  withHost('a subdomain', (s) => `Host: x.${s.authority}\r\n`),
  withHost('a scheme', (s) => `Host: https://${s.authority}\r\n`),
  withHost('folded', (s) => `Host: ${s.authority}\r\n .elsewhere.test\r\n`),
  withHost('on the next line', (s) => `Host:\r\n ${s.authority}\r\n`),
  withHost('a space before the colon', (s) => `Host : ${s.authority}\r\n`),
  withHost('after a bare LF', (s) => `X: y\nHost: ${s.authority}\r\n`),
  withHost('after a bare CR', (s) => `X: y\rHost: ${s.authority}\r\n`),
  withHost('ours, another after a bare LF', (s) => `Host: ${s.authority}\nHost: elsewhere.test\r\n`),
  withHost('ours, another after a bare CR', (s) => `Host: ${s.authority}\rHost: elsewhere.test\r\n`),
  withHost('upper case', (s) => `Host: ${s.authority.toUpperCase()}\r\n`, 'either'),
  withHost(
    'ours, and X-Forwarded-Host',
    (s) => `Host: ${s.authority}\r\nX-Forwarded-Host: elsewhere.test\r\n`,
    'either',
  ),
]

const withField = (name: string, field: string, expected: SmuggledRequest['expected'] = 'refused') =>
  line(
    `field ${name}`,
    (s) => `GET ${s.first} HTTP/1.1\r\n`,
    expected,
    (s) => `Host: ${s.authority}\r\n${field}`,
  )

const FIELDS: readonly SmuggledRequest[] = [
  withField('without a name', ': y\r\n'),
  withField('without a colon', 'X\r\n'),
  withField('with a space in its name', 'X Y: z\r\n'),
  withField('with brackets in its name', 'X(Y): z\r\n'),
  withField('with @ in its name', 'X@Y: z\r\n'),
  withField('with quotes around its name', '"X": z\r\n'),
  withField('with a name beyond ASCII', 'X\xe4: z\r\n'),
  withField('with NUL in its name', 'X\x00: z\r\n'),
  withField('with NUL in its value', 'X: y\x00z\r\n'),
  withField('with CR in its value', 'X: y\rz\r\n'),
  withField('with LF in its value', 'X: y\nz: a\r\n'),
  withField('with DEL in its value', 'X: y\x7fz\r\n'),
  withField('with a control character in its value', 'X: y\x01z\r\n'),
  withField('folded', 'X: y\r\n z\r\n'),
  withField('folded with a tab', 'X: y\r\n\tz\r\n'),
  withField('folded, and empty', 'X:\r\n \r\n'),
  withField('ended by LF', 'X: y\n'),
  withField('ended by CR', 'X: y\r'),
  withField('ended by CR CR LF', 'X: y\r\r\n'),
  withField('followed by LF CR', 'X: y\n\r\n'),
  withField('first, and only blanks', ' \r\n'),
  withField('a header of 20,000 bytes', `X: ${'y'.repeat(20_000)}\r\n`),
  withField('101 times', 'X: y\r\n'.repeat(101)),
  withField('of two blanks', 'X:  y  \r\n', 'either'),
  withField('beyond ASCII in its value', 'X: \xe4\r\n', 'either'),
  withField('Expect: 100-continue', 'Expect: 100-continue\r\n', 'either'),
  withField('Expect: something', 'Expect: something\r\n', 'either'),
  withField(
    'Upgrade: h2c',
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
    'either',
  ),
  withField(
    'Upgrade: websocket',
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n',
    'either',
  ),
  withField('TE: trailers', 'Connection: TE\r\nTE: trailers\r\n', 'either'),
  withField('Trailer', 'Trailer: Content-Length\r\n', 'either'),
  withField('Keep-Alive', 'Keep-Alive: timeout=5\r\n', 'either'),
  withField('Proxy-Connection', 'Proxy-Connection: keep-alive\r\n', 'either'),
  withField('Proxy-Authorization', 'Proxy-Authorization: Basic YTpi\r\n', 'either'),
  withField('X-HTTP-Method-Override', 'X-HTTP-Method-Override: CONNECT\r\n', 'either'),
]

const WHOLE: readonly SmuggledRequest[] = [
  {
    name: 'LF everywhere',
    expected: 'refused',
    make: (s) => `POST ${s.first} HTTP/1.1\nHost: ${s.authority}\nContent-Length: 5\n\nhello${hidden(s)}`,
  },
  {
    name: 'LF at the end of the header',
    expected: 'refused',
    make: (s) =>
      `POST ${s.first} HTTP/1.1\r\nHost: ${s.authority}\r\nContent-Length: 5\r\n\nhello${hidden(s)}`,
  },
  {
    name: 'CR everywhere',
    expected: 'refused',
    make: (s) => `POST ${s.first} HTTP/1.1\rHost: ${s.authority}\rContent-Length: 5\r\rhello${hidden(s)}`,
  },
  {
    name: 'GET with a body',
    expected: 'either',
    make: (s) => `GET ${s.first} HTTP/1.1\r\nHost: ${s.authority}\r\nContent-Length: 5\r\n\r\nhello`,
  },
  {
    name: 'GET with chunks',
    expected: 'either',
    make: (s) =>
      `GET ${s.first} HTTP/1.1\r\nHost: ${s.authority}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  },
  {
    name: 'HEAD with a body',
    expected: 'either',
    make: (s) => `HEAD ${s.first} HTTP/1.1\r\nHost: ${s.authority}\r\nContent-Length: 5\r\n\r\nhello`,
  },
  {
    name: 'HTTP/1.0 with chunks',
    expected: 'either',
    make: (s) =>
      `POST ${s.first} HTTP/1.0\r\nHost: ${s.authority}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  },
  {
    name: 'HTTP/1.0 without Host',
    expected: 'refused',
    make: (s) => `GET ${s.first} HTTP/1.0\r\n\r\n`,
  },
  {
    name: 'garbage after a good request',
    expected: 'either',
    make: (s) =>
      `POST ${s.first} HTTP/1.1\r\nHost: ${s.authority}\r\nContent-Length: 5\r\n\r\nhello\x00\x01\x02\r\n\r\n`,
  },
  {
    name: 'a TLS record in place of a request',
    expected: 'refused',
    make: () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  },
]

export const SMUGGLED_REQUESTS: readonly SmuggledRequest[] = [
  ...FRAMING,
  ...CHUNKS,
  ...REQUEST_LINES,
  ...HOSTS,
  ...FIELDS,
  ...WHOLE,
]

function shown(text: string): string {
  return JSON.stringify(text)
}
