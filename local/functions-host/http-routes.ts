import * as z from 'zod';
import type { RegisteredFunction } from './app-registry.ts';
import { HostError } from './host-error.ts';
import { parseRouteTemplate, type RouteTemplate } from './route-template.ts';

const httpTriggerSchema = z.looseObject({
  methods: z.array(z.string().toUpperCase()).default([]),
  authLevel: z.enum(['anonymous', 'function', 'admin']).default('anonymous'),
  route: z.string().optional(),
});

/** Who may call: `function` takes a key of the function, the host or the master key; `admin` only the last. */
export type AuthLevel = z.infer<typeof httpTriggerSchema>['authLevel'];

/** The route of one HTTP function. */
export interface HttpRoute {
  registered: RegisteredFunction;
  /** Empty: every method. */
  methods: readonly string[];
  authLevel: AuthLevel;
  template: RouteTemplate;
}

/** The routes of all HTTP functions, in the order in which they are tried. */
export function httpRoutes(functions: readonly RegisteredFunction[], routePrefix: string): HttpRoute[] {
  const routes = functions.map((registered): HttpRoute => {
    const trigger = httpTriggerSchema.safeParse(registered.trigger);
    if (!trigger.success) {
      throw new HostError(`Function "${registered.name}": ${z.prettifyError(trigger.error)}`);
    }
    const { methods, authLevel, route } = trigger.data;
    const parts = [routePrefix, route || registered.name].map((part) => part.replaceAll(/^\/+|\/+$/g, ''));
    const text = parts.filter((part) => part !== '').join('/');
    if (/^(?:admin|runtime)(?:\/|$)/i.test(text)) {
      throw new HostError(`Function "${registered.name}": the route "${text}" belongs to the host (admin, runtime).`);
    }
    return { registered, methods, authLevel, template: parseRouteTemplate(text) };
  });
  for (const [index, route] of routes.entries()) {
    const other = routes.slice(0, index).find((earlier) => conflict(earlier, route));
    if (other !== undefined) {
      throw new HostError(
        `Functions "${other.registered.name}" and "${route.registered.name}" share the route "${route.template.text}" ` +
          'and a method: give one of them another route or other methods.',
      );
    }
  }
  return routes;
}

/**
 * The first route that fits. There is no preference for a literal segment over a parameter, and a route of another
 * method does not fit at all: so a wrong method ends in 404, as it does in the real host.
 */
export function findRoute(
  routes: readonly HttpRoute[],
  method: string,
  pathname: string,
): { route: HttpRoute; params: Record<string, string> } | undefined {
  const segments = pathname.replace(/^\//, '').replace(/\/$/, '').split('/');
  for (const route of routes) {
    if (route.methods.length > 0 && !route.methods.includes(method)) continue;
    const params = route.template.match(segments);
    if (params !== undefined) return { route, params };
  }
  return undefined;
}

function conflict(a: HttpRoute, b: HttpRoute): boolean {
  if (a.template.text.toLowerCase() !== b.template.text.toLowerCase()) return false;
  return a.methods.length === 0 || b.methods.length === 0 || a.methods.some((method) => b.methods.includes(method));
}
