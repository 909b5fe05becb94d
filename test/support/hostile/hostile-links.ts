/** A link that somebody else chose. Every one has a name, so that a failure says which trick worked. */
export interface HostileLink {
  name: string;
  link: string;
  /**
   * `elsewhere`: not to this Graph or not below its root, so nothing at all may be asked. `disguised`: odd, but it parses
   * to a place below Graph's root; following it is harmless, whatever its spelling.
   */
  leads: 'elsewhere' | 'disguised';
}

export interface Neighbourhood {
  /** Host of Graph, without port. */
  host: string;
  graphPort: number;
  /** A server of somebody else, on this machine under every name. */
  evilPort: number;
}

const ROOT = '/v1.0';
const DELTA = `${ROOT}/users/a/mailFolders/b/messages/delta?$deltatoken=abc`;
const PATHS: [string, string][] = [
  ['a delta path', DELTA],
  ['a list path', `${ROOT}/groups/a/members?$skiptoken=1`],
  ['another version', '/beta/users/a/messages'],
  ['no path', ''],
  ['a path with Graph in its query', `${ROOT}/x?https://graph.microsoft.com/v1.0/`],
];

const hosts = (host: string): [string, string][] => [
  ['a stranger', 'evil.example'],
  ['Graph as a subdomain of a stranger', `${host}.evil.example`],
  ['Graph with a hyphenated end', `${host}-evil.example`],
  ['Graph with its name run on', `${host}evil.example`],
  ['a name that ends in Graph’s', `evil-${host}`],
  ['a subdomain of Graph', `www.${host}`],
  ['the parent of Graph', host.split('.').slice(1).join('.')],
  ['Graph with a dot at the end', `${host}.`],
  ['Graph with two dots at the end', `${host}..`],
  ['a dot in front', `.${host}`],
  ['another cloud', 'graph.microsoft.us'],
  ['the China cloud', 'microsoftgraph.chinacloudapi.cn'],
  ['the sign-in', 'login.microsoftonline.com'],
  ['hyphens for dots', host.replaceAll('.', '-')],
  ['no dots', host.replaceAll('.', '')],
  ['a letter dropped', host.replace('s', '')],
  ['a letter doubled', host.replace('o', 'oo')],
  ['a digit for a letter', host.replace('o', '0')],
  ['rn for m', host.replace('m', 'rn')],
  ['a Cyrillic letter', host.replace('a', '\u0430')],
  ['a Greek letter', host.replace('o', '\u03bf')],
  ['a dotless i', host.replace('i', '\u0131')],
  ['its punycode', `xn--${host.replaceAll('.', '')}-x2a.com`],
  ['an ideographic dot before a stranger', `${host}\u3002evil.example`],
  ['a percent dot before a stranger', `${host}%2eevil.example`],
  ['a percent slash before a stranger', `${host}%2fevil.example`],
  ['a percent at before a stranger', `${host}%40evil.example`],
  ['a percent NUL before a stranger', `${host}%00.evil.example`],
  ['a NUL before a stranger', `${host}\0.evil.example`],
  ['a semicolon before a stranger', `${host};.evil.example`],
  ['an underscore before a stranger', `${host}_.evil.example`],
  ['a space before a stranger', `${host} .evil.example`],
  ['this machine', '127.0.0.1'],
  ['this machine by name', 'localhost'],
  ['this machine, short', '127.1'],
  ['this machine in hex', '0x7f000001'],
  ['this machine in octal', '0177.0.0.1'],
  ['this machine as one number', '2130706433'],
  ['this machine in IPv6', '[::1]'],
  ['this machine in IPv6 from IPv4', '[::ffff:127.0.0.1]'],
  ['any address', '0.0.0.0'],
  ['the metadata service', '169.254.169.254'],
  ['the metadata service as a number', '2852039166'],
  ['a scoped IPv6 address', '[fe80::1%25lo]'],
  ['an unclosed IPv6 address', '[::1'],
  ['no host', ''],
];

const userInfos = (host: string): [string, string][] => [
  ['Graph as a user', `${host}@evil.example`],
  ['Graph as a user with a password', `${host}:443@evil.example`],
  ['Graph and its path as a user', `${host}%2fv1.0@evil.example`],
  ['two users', `${host}@${host}@evil.example`],
  ['an empty user', '@evil.example'],
  ['an empty user and password', ':@evil.example'],
  ['a backslash before the stranger', `${host}\\@evil.example`],
  ['a fragment before the host', `evil.example#@${host}`],
  ['a query before the host', `evil.example?@${host}`],
  ['a slash before the host', `evil.example/@${host}`],
  ['a backslash before the host', `evil.example\\@${host}`],
];

const users = (host: string): [string, string][] => [
  ['a user on Graph', `user@${host}`],
  ['a password on Graph', `user:password@${host}`],
  ['only a password on Graph', `:password@${host}`],
  ['a percent user on Graph', `%40@${host}`],
  ['a stranger as a user on Graph', `evil.example@${host}`],
];

const SCHEMES = [
  'https://', 'ftp://', 'ws://', 'wss://', 'file://', 'data://', 'blob:http://', 'javascript://', 'gopher://', 'ldap://',
  'view-source:http://', 'jar:http://', 'feed:http://', 'http+unix://', 'h\u0442tp://', 'htp://', 'httpx://', 'mailto:',
  'about:', 'urn:', 'x:', '1http://', 'http%3a//', '://',
]; // biome-ignore format: one scheme after the other

const PREFIXES: [string, string][] = [
  ['no scheme', '//'],
  ['three slashes', '///'],
  ['backslashes', '\\\\'],
  ['slash and backslash', '/\\'],
  ['backslash and slash', '\\/'],
  ['a bare host', ''],
  ['a path', '/'],
  ['two dots', '../../'],
  ['a query', '?'],
  ['a fragment', '#'],
  ['a space', ' //'],
  ['a tab between the slashes', '/\t/'],
];

const INVISIBLE: [string, string][] = [
  ['a tab', '\t'],
  ['a line feed', '\n'],
  ['a carriage return', '\r'],
  ['CR LF', '\r\n'],
  ['a header', '\r\nHost: evil.example\r\n\r\n'],
  ['a NUL', '\0'],
  ['a space', ' '],
  ['a zero width space', '\u200b'],
  ['a soft hyphen', '\u00ad'],
  ['a byte order mark', '\ufeff'],
  ['a word joiner', '\u2060'],
  ['a right-to-left mark', '\u200f'],
  ['an override', '\u202e'],
  ['a percent tab', '%09'],
  ['a percent line feed', '%0a'],
  ['a percent CR LF', '%0d%0a'],
  ['a percent NUL', '%00'],
  ['an overlong slash', '%c0%af'],
  ['a lone surrogate', '\ud800'],
  ['a delete', '\u007f'],
  ['a line separator', '\u2028'],
];

const OTHER_ROOTS: [string, string][] = [
  ['no path', ''],
  ['the root', '/'],
  ['the root of the API without a slash', ROOT],
  ['another version', '/beta/users/a'],
  ['a shorter version', '/v1/users/a'],
  ['a longer version', '/v1.00/users/a'],
  ['a version run on', '/v1.0beta/users/a'],
  ['another letter case', '/V1.0/users/a'],
  ['a percent dot in the version', '/v1%2e0/users/a'],
  ['a percent slash after the version', '/v1.0%2fusers/a'],
  ['a percent backslash after the version', '/v1.0%5cusers/a'],
  ['a semicolon after the version', '/v1.0;x/users/a'],
  ['a double slash before the version', '//v1.0/users/a'],
  ['a stranger after a double slash', '//evil.example/v1.0/users/a'],
  ['two dots', '/v1.0/../beta/users'],
  ['many dots', '/v1.0/../../../../evil'],
  ['percent dots', '/v1.0/%2e%2e/beta/users'],
  ['half percent dots', '/v1.0/.%2E/beta/users'],
  ['dots behind a backslash', '/v1.0\\..\\beta'],
  ['dots with a tab in them', '/v1.0/.\t./beta'],
  ['dots with a line feed in them', '/v1.0/.\n./beta'],
  ['dots at the end', '/v1.0/..'],
  ['dots in the middle', '/v1.0/users/../../beta/x'],
  ['a dot before the version', '/./beta/v1.0/x'],
  ['the version in the query', '/?/v1.0/users'],
  ['the version in the fragment', '/#/v1.0/users'],
  ['the version as a parameter', '/x;/v1.0/users'],
  ['the version one level down', '/api/v1.0/users'],
];

const ODD_PATHS: [string, string][] = [
  ['a double slash', '//users/a'],
  ['an address in the path', '/https://evil.example/x'],
  ['an address with one slash in the path', '/https:/evil.example/x'],
  ['an address in path and query', '/https:/evil.example/x?https://evil.example/'],
  ['an address in the query', '/x?u=https://evil.example/'],
  ['an at sign', '/@evil.example/'],
  ['a colon', '/:80@evil.example/'],
  ['percent slashes and dots', '/..%2f..%2fbeta'],
  ['percent backslashes and dots', '/..%5c..%5cbeta'],
  ['percent percent dots', '/%252e%252e/beta'],
  ['dots with parameters', '/..;/..;/beta'],
  ['a backslash', '\\users\\a'],
  ['full-width dots', '/\uff0e\uff0e/beta'],
  ['a fragment', '/users#@evil.example'],
  ['a second query', '/users?a?b?https://evil.example'],
  ['a path of 8,000 characters', `/${'x'.repeat(8_000)}`],
];

const ports = (graphPort: number): [string, string][] => [
  ['no port', ''],
  ['an empty port', ':'],
  ['the port of HTTP', ':80'],
  ['the port of HTTPS', ':443'],
  ['port 0', ':0'],
  ['the next port', `:${graphPort + 1}`],
  ['a port out of range', ':65536'],
  ['a port that wraps around', `:${graphPort + 65_536}`],
  ['a negative port', `:-${graphPort}`],
  ['a port in hex', `:0x${graphPort.toString(16)}`],
  ['a port with a sign', `:+${graphPort}`],
  ['a port with a letter', `:${graphPort}a`],
  ['a port with a digit more', `:${graphPort}0`],
  [
    'a port in other digits',
    `:${String(graphPort).replaceAll(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit)))}`,
  ],
];

const WITHOUT_HOST: [string, string][] = [
  ['nothing', ''],
  ['a space', ' '],
  ['only a scheme', 'http:'],
  ['a scheme and slashes', 'http://'],
  ['JSON', '{"link":"http://evil.example"}'],
  ['markup', '<a href="http://evil.example">'],
  ['data', 'data:application/json,{"value":[]}'],
  ['data in base64', 'data:application/json;base64,eyJ2YWx1ZSI6W119'],
  ['a script', 'javascript:fetch("http://evil.example")'],
  ['a file', 'file:///etc/passwd'],
  ['a blob', 'blob:null/5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24'],
  ['a template', '${jndi:ldap://evil.example/a}'], // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the attack
  ['a proto', '__proto__'],
  ['only dots', '..'],
  ['a million characters', 'x'.repeat(1_000_000)],
];

/** At least a thousand links, each another trick or the same trick at another place. */
export function hostileLinks({ host, graphPort, evilPort }: Neighbourhood): HostileLink[] {
  const found = new Map<string, HostileLink>();
  const add = (leads: HostileLink['leads'], name: string, link: string) => {
    if (!found.has(link)) found.set(link, { name, link, leads });
  };
  const graph = `http://${host}:${graphPort}`;

  for (const [what, other] of hosts(host))
    for (const [where, path] of PATHS) {
      add('elsewhere', `${what}, ${where}`, `http://${other}:${evilPort}${path}`);
      // The port of Graph on a host that is not Graph.
      add('elsewhere', `${what} on the port of Graph, ${where}`, `http://${other}:${graphPort}${path}`);
      add('elsewhere', `${what} without a port, ${where}`, `http://${other}${path}`);
    }
  for (const [what, authority] of [...userInfos(host), ...users(host)])
    for (const [where, path] of PATHS) {
      add('elsewhere', `${what}, ${where}`, `http://${authority}:${evilPort}${path}`);
      add('elsewhere', `${what} on the port of Graph, ${where}`, `http://${authority}:${graphPort}${path}`);
    }
  for (const scheme of SCHEMES) {
    add('elsewhere', `scheme ${scheme} to Graph`, `${scheme}${host}:${graphPort}${DELTA}`);
    add('elsewhere', `scheme ${scheme} to a stranger`, `${scheme}evil.example:${evilPort}${DELTA}`);
    add('elsewhere', `scheme ${scheme} upper case`, `${scheme.toUpperCase()}${host}:${graphPort}${DELTA}`);
  }
  for (const [what, prefix] of PREFIXES)
    for (const [to, authority] of [
      ['a stranger', `evil.example:${evilPort}`],
      ['this machine', `127.0.0.1:${evilPort}`],
      ['Graph', `${host}:${graphPort}`],
    ])
      add('elsewhere', `${what} to ${to}`, `${prefix}${authority}${DELTA}`);
  for (const [what, odd] of INVISIBLE) {
    add('elsewhere', `${what} before a stranger`, `${odd}http://evil.example:${evilPort}${DELTA}`);
    add('elsewhere', `${what} in the scheme of a stranger`, `ht${odd}tp://evil.example:${evilPort}${DELTA}`);
    add('elsewhere', `${what} in a stranger`, `http://evil${odd}.example:${evilPort}${DELTA}`);
    add('elsewhere', `${what} between Graph and a stranger`, `http://${host}${odd}.evil.example:${evilPort}${DELTA}`);
    add('elsewhere', `${what} between Graph and another port`, `http://${host}${odd}:${evilPort}${DELTA}`);
    add('elsewhere', `${what} in the port`, `http://${host}:${odd}${evilPort}${DELTA}`);
    add('elsewhere', `${what} before a stranger as host`, `http://${host}:${graphPort}${odd}@evil.example:${evilPort}`);
    add('disguised', `${what} before Graph`, `${odd}${graph}${DELTA}`);
    add('disguised', `${what} in Graph`, `http://${host.replace('.', `.${odd}`)}:${graphPort}${DELTA}`);
    add('disguised', `${what} in a path of Graph`, `${graph}${ROOT}/users/${odd}/x`);
    add('disguised', `${what} in a query of Graph`, `${graph}${DELTA}${odd}`);
    add('disguised', `${what} before the root`, `${graph}${odd}${DELTA}`);
  }
  for (const [what, path] of OTHER_ROOTS) {
    add('elsewhere', `${what} on Graph`, `${graph}${path}`);
    add('elsewhere', `${what} on a stranger`, `http://evil.example:${evilPort}${path}`);
    add('elsewhere', `${what} on Graph with a query`, `${graph}${path}${path.includes('?') ? '&' : '?'}$deltatoken=a`);
  }
  for (const [what, path] of ODD_PATHS) {
    add('disguised', `${what} below the root`, `${graph}${ROOT}${path}`);
    add('elsewhere', `${what} on a stranger`, `http://evil.example:${evilPort}${ROOT}${path}`);
  }
  for (const [what, port] of ports(graphPort))
    for (const [where, path] of PATHS) add('elsewhere', `${what}, ${where}`, `http://${host}${port}${path}`);
  for (const [what, link] of WITHOUT_HOST) add('elsewhere', what, link);
  add('disguised', 'a host in capitals', `http://${host.toUpperCase()}:${graphPort}${DELTA}`);
  add('disguised', 'a scheme in capitals', `HTTP://${host}:${graphPort}${DELTA}`);
  add('disguised', 'a port with zeros in front', `http://${host}:0${graphPort}${DELTA}`);
  add('disguised', 'one slash', `http:/${host}:${graphPort}${DELTA}`);
  add('disguised', 'backslashes', `http:\\\\${host}:${graphPort}${DELTA}`);
  add('disguised', 'full-width letters', `http://\uff47${host.slice(1)}:${graphPort}${DELTA}`);
  add('disguised', 'an ideographic dot', `http://${host.replace('.', '\u3002')}:${graphPort}${DELTA}`);
  add('disguised', 'a percent letter', `http://%67${host.slice(1)}:${graphPort}${DELTA}`);
  return [...found.values()];
}
