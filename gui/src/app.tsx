/** Routes. Pages beyond the first view load on demand. */

import { createBrowserRouter, Navigate, useLocation, useRouteError, type RouteObject } from 'react-router';
// This one can show a change at once (`flushSync`), which `useAddress` needs.
import { RouterProvider } from 'react-router/dom';
import { loadSession, useSession } from './api/session';
import { lazyPage, PageBroken } from './lib/lazyPage';
import { Clients } from './pages/Clients';
import { SignIn } from './pages/SignIn';
import { Shell } from './shell/Shell';
import { Empty, Failure, Loading } from './ui/empty';
import { Button } from './ui/parts';

const ClientLayout = lazyPage(() => import('./pages/ClientLayout'));
const ClientOverview = lazyPage(() => import('./pages/ClientOverview'));
const Collections = lazyPage(() => import('./pages/Collections'));
const Collect = lazyPage(() => import('./pages/Collect'));
const Collection = lazyPage(() => import('./pages/Collection'));
const Processes = lazyPage(() => import('./tree/ProcessPage'));
const Events = lazyPage(() => import('./pages/Events'));
const Artifacts = lazyPage(() => import('./pages/Artifacts'));
const Monitoring = lazyPage(() => import('./pages/Monitoring'));
const Server = lazyPage(() => import('./pages/Server'));

/** All pages but the sign-in page need a session; the requested address is kept for afterwards. */
function Guarded() {
  const session = useSession();
  const location = useLocation();
  if (session.kind === 'unknown') return <Loading what="Peregrine" />;
  if (session.kind === 'failed') return <Failure error={session.error} retry={() => void loadSession()} />;
  if (session.kind === 'out') {
    const next = location.pathname + location.search;
    const query = new URLSearchParams();
    if (next !== '/' && next !== '/clients') query.set('next', next);
    if (session.lost) query.set('lost', '1');
    return <Navigate to={`/sign-in${query.size ? `?${query}` : ''}`} replace />;
  }
  return <Shell />;
}

function NotFound() {
  return (
    <Empty level={1} icon="search" title="No such page" action={<Button onClick={() => window.history.back()}>Back</Button>}>
      <p>The address leads nowhere. Press Ctrl-K to find a machine, an artifact or a page.</p>
    </Empty>
  );
}

/** A failure on a page stays on that page: navigation, top bar and the machine's header remain. */
function Broken() {
  return <PageBroken error={useRouteError()} />;
}

/** The same where no surrounding frame is left. */
function AllBroken() {
  return (
    <main className="alone">
      <PageBroken error={useRouteError()} />
    </main>
  );
}

const guard = (children: RouteObject[]): RouteObject[] => [{ errorElement: <Broken />, children }];

const router = createBrowserRouter([
  { path: '/sign-in', element: <SignIn />, errorElement: <AllBroken /> },
  {
    element: <Guarded />,
    errorElement: <AllBroken />,
    children: guard([
      { path: '/', element: <Navigate to="/clients" replace /> },
      { path: '/clients', element: <Clients /> },
      {
        path: '/clients/:id',
        element: <ClientLayout />,
        children: guard([
          { index: true, element: <ClientOverview /> },
          { path: 'collections', element: <Collections /> },
          { path: 'collections/new', element: <Collect /> },
          { path: 'collections/:flow', element: <Navigate to="overview" replace /> },
          { path: 'collections/:flow/:tab', element: <Collection /> },
          { path: 'processes', element: <Processes /> },
          { path: 'events', element: <Events /> },
          { path: 'events/:artifact', element: <Events /> },
          { path: '*', element: <NotFound /> },
        ]),
      },
      { path: '/artifacts', element: <Artifacts /> },
      { path: '/artifacts/:name', element: <Artifacts /> },
      { path: '/monitoring', element: <Monitoring /> },
      { path: '/server', element: <Server /> },
      { path: '*', element: <NotFound /> },
    ]),
  },
]);

export function App() {
  return <RouterProvider router={router} />;
}
