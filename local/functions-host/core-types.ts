// The shapes that pass between a Functions host and the `@azure/functions` library through `@azure/functions-core`.
// There is no npm package with these types; they follow the calls that @azure/functions 4.16.5 makes.

/** How a host names the severity of a log line. */
export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

/** `user` is `context.log`; `system` comes from the library or the host. */
export type LogCategory = 'user' | 'system' | 'customMetric';

/** One value of a nullable map of an HTTP request. */
export interface NullableString {
  value: string;
}

/** A cookie as the library hands it over. */
export interface RpcCookie {
  name: string;
  value: string;
  domain?: NullableString;
  path?: NullableString;
  expires?: { value: { seconds: number } };
  secure?: { value: boolean };
  httpOnly?: { value: boolean };
  sameSite?: 'none' | 'lax' | 'strict' | 'explicitNone';
  maxAge?: { value: number };
}

/** An HTTP request on its way in, or an HTTP response on its way out. */
export interface RpcHttp {
  method?: string;
  url?: string;
  statusCode?: string;
  body?: TypedData | null;
  headers?: Record<string, string>;
  cookies?: RpcCookie[];
  nullableHeaders?: Record<string, NullableString>;
  nullableQuery?: Record<string, NullableString>;
  nullableParams?: Record<string, NullableString>;
}

/** A value between host and library: exactly one field is set, or none for null. */
export interface TypedData {
  string?: string;
  json?: string;
  bytes?: Uint8Array;
  int?: number;
  double?: number;
  http?: RpcHttp;
}

/** What a retried invocation is told about the failures before it. */
export interface RetryContext {
  retryCount: number;
  maxRetryCount: number;
  exception?: { message: string; source: string; stackTrace: string };
}

/** W3C trace context of an invocation. */
export interface TraceContext {
  traceParent: string;
  traceState: string;
  attributes: Record<string, string>;
}

/** What the host asks the library to run. */
export interface InvocationRequest {
  invocationId: string;
  functionId: string;
  inputData: { name: string; data: TypedData }[];
  triggerMetadata: Record<string, TypedData>;
  traceContext: TraceContext;
  retryContext?: RetryContext;
}

/** What the library returns after a successful invocation. */
export interface InvocationResponse {
  outputData?: { name: string; data: TypedData }[] | null;
  returnValue?: TypedData | null;
}

/** One binding of a function, as registered: trigger options lie beside these fields. */
export interface BindingInfo {
  type: string;
  direction?: string | undefined;
  [option: string]: unknown;
}

/** The user's handler. */
export type FunctionCallback = (...args: unknown[]) => unknown;

/** A hook, as the library registers it. */
export type HookCallback = (context: unknown) => unknown;

/** Which phase an invocation is in; the library warns about logs after the handler has returned. */
export type InvocationState = 'preInvocationHooks' | 'invocation' | 'postInvocationHooks';

/** The object that carries one invocation into the library. */
export interface CoreInvocationContext {
  invocationId: string;
  metadata: { name: string; bindings: Record<string, BindingInfo> };
  request: InvocationRequest;
  state?: InvocationState | undefined;
  log(level: LogLevel, category: LogCategory, message: string): void;
}

/** One invocation, as the library carries it out. */
export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

/** The library, seen from the host. */
export interface ProgrammingModel {
  name: string;
  version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel | Promise<InvocationModel>;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}
