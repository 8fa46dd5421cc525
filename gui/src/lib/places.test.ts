import { expect, it } from 'vitest';
import { artifactPage, clientPage, flowPage } from './places';

it('makes addresses out of names that anybody chose', () => {
  expect(clientPage('C.1', 'events', 'A/B ?#')).toBe('/clients/C.1/events/A%2FB%20%3F%23');
  expect(flowPage({ client_id: 'C.1', flow_id: 'F.1' }, 'logs')).toBe('/clients/C.1/collections/F.1/logs');
  expect(artifactPage('../x')).toBe('/artifacts/..%2Fx');
});
