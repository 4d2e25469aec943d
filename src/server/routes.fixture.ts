import type { RequestListener } from 'node:http';
import { Routes } from './routes.ts';

/** Some known paths, and one listener that answers everything. */
export function routesTo(handle: RequestListener): Routes {
  const health = ['/-/healthy', '/-/ready'].map((path) => ({ path, methods: {}, isHealth: true }));
  const api = { path: '/api/v2/status', methods: {}, api: '/api/v2/' };
  return Object.assign(new Routes([...health, api, { path: '/metrics', methods: {} }]), { handle });
}
