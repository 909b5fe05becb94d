// What a storage request does, told from its method, path and query alone: the proxy counts by this and never reads a body.

/** The three services of a storage account. */
export const storageServices = ['blob', 'queue', 'table'] as const;
export type StorageService = (typeof storageServices)[number];

/** The few parts of a request that say what it does. */
export type RequestLine = { method: string; url: string; methodOverride?: string | undefined };

const ACCOUNT_SEGMENT = /^\/[^/?]*/;

function split(url: string): { resource: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  return {
    resource: path.replace(ACCOUNT_SEGMENT, '').replace(/^\//, ''),
    query: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)),
  };
}

function tableKind(method: string, resource: string, query: URLSearchParams): string {
  if (resource === '$batch') return 'batch';
  if (resource === '') return query.has('comp') ? 'serviceProperties' : 'other';
  if (resource === 'Tables') return method === 'POST' ? 'createTable' : 'listTables';
  if (resource.startsWith('Tables(')) return method === 'DELETE' ? 'deleteTable' : 'listTables';
  if (query.has('comp')) return 'accessPolicy';
  switch (method) {
    case 'GET':
      return resource.endsWith('()') || !resource.includes('(') ? 'query' : 'get';
    case 'POST':
      return 'insert';
    case 'PATCH':
    case 'MERGE':
      return 'merge';
    case 'PUT':
      return 'replace';
    case 'DELETE':
      return 'delete';
    default:
      return 'other';
  }
}

const BLOB_PARTS: Record<string, string> = {
  block: 'putBlock',
  blocklist: 'putBlockList',
  metadata: 'metadata',
  properties: 'properties',
  lease: 'lease',
  copy: 'copy',
  tags: 'tags',
};

function blobKind(method: string, resource: string, query: URLSearchParams): string {
  const comp = query.get('comp');
  if (resource === '') return comp === 'list' ? 'listContainers' : comp === 'batch' ? 'batch' : 'serviceProperties';
  if (query.get('restype') === 'container') {
    if (comp === 'list') return 'list';
    if (comp !== null) return 'containerProperties';
    if (method === 'PUT') return 'createContainer';
    return method === 'DELETE' ? 'deleteContainer' : 'containerProperties';
  }
  if (comp !== null) return method === 'GET' && comp === 'blocklist' ? 'getBlockList' : (BLOB_PARTS[comp] ?? comp);
  switch (method) {
    case 'GET':
      return 'get';
    case 'HEAD':
      return 'head';
    case 'PUT':
      return 'put';
    case 'DELETE':
      return 'delete';
    default:
      return 'other';
  }
}

function queueKind(method: string, resource: string, query: URLSearchParams): string {
  if (resource === '') return query.get('comp') === 'list' ? 'listQueues' : 'serviceProperties';
  if (!resource.includes('/messages')) {
    if (query.has('comp')) return 'metadata';
    return method === 'PUT' ? 'createQueue' : method === 'DELETE' ? 'deleteQueue' : 'other';
  }
  switch (method) {
    case 'POST':
      return 'put';
    case 'GET':
      return query.has('peekonly') ? 'peek' : 'get';
    case 'PUT':
      return 'update';
    case 'DELETE':
      return 'delete';
    default:
      return 'other';
  }
}

/** Names what a request to a storage service does: `query`, `insert`, `batch`, `put`, `createContainer` and so on. */
export function callKind(service: StorageService, line: RequestLine): string {
  const { resource, query } = split(line.url);
  const method = (line.methodOverride ?? line.method).toUpperCase();
  if (service === 'table') return tableKind(method, resource, query);
  return service === 'blob' ? blobKind(method, resource, query) : queueKind(method, resource, query);
}
