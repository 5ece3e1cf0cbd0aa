import { fail } from '../../core/assert.ts';
import type { Role } from '../../core/ports/keys.ts';
import type { AuthenticatedRequest } from '../auth/authenticator.ts';
import type { Reply } from '../http/reply.ts';

export interface PublicRequest {
  /** The path's segments that stand where the pattern has `{…}`, in order, as they came. */
  readonly parameters: readonly string[];
  readonly query: URLSearchParams;
}

export interface PublicEndpoint {
  readonly method: 'GET';
  readonly pattern: string; // `/v1/book/{symbol}`
  answer(request: PublicRequest): Reply | Promise<Reply>;
}

export interface PrivateEndpoint {
  readonly method: 'POST';
  readonly pattern: string;
  readonly roles: readonly Role[]; // any one of them suffices
  /** @param parameters as in PublicRequest */
  answer(request: AuthenticatedRequest, parameters: readonly string[]): Reply | Promise<Reply>;
}

export type Endpoint = PublicEndpoint | PrivateEndpoint;

export interface Route {
  readonly endpoint: Endpoint;
  readonly parameters: readonly string[];
}

interface PatternRoute {
  readonly endpoint: Endpoint;
  readonly segments: readonly string[];
}

const PARAMETER = /^\{[a-z_]+\}$/;
const NO_PARAMETERS: readonly string[] = [];

/** Finds the endpoint of a path. Fixed paths win over patterns. */
export class Router {
  readonly endpoints: readonly Endpoint[];
  readonly #fixed = new Map<string, Route>();
  readonly #patterns: PatternRoute[] = [];

  constructor(endpoints: readonly Endpoint[]) {
    this.endpoints = endpoints;
    for (const endpoint of endpoints) {
      const segments = endpoint.pattern.split('/');
      if (segments.some((segment) => PARAMETER.test(segment))) this.#patterns.push({ endpoint, segments });
      else if (this.#fixed.has(endpoint.pattern)) fail(`two endpoints at ${endpoint.pattern}`);
      else this.#fixed.set(endpoint.pattern, { endpoint, parameters: NO_PARAMETERS });
    }
  }

  /** @param path without a query */
  match(path: string): Route | undefined {
    const fixed = this.#fixed.get(path);
    if (fixed !== undefined) return fixed;
    const segments = path.split('/');
    for (const { endpoint, segments: pattern } of this.#patterns) {
      const parameters = tryMatch(pattern, segments);
      if (parameters !== undefined) return { endpoint, parameters };
    }
    return undefined;
  }
}

function tryMatch(pattern: readonly string[], segments: readonly string[]): string[] | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: string[] = [];
  for (const [at, expected] of pattern.entries()) {
    const segment = segments[at]!;
    if (segment === expected) continue;
    if (!PARAMETER.test(expected) || segment === '') return undefined;
    parameters.push(segment);
  }
  return parameters;
}
