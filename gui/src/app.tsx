/** Routes. Pages beyond the first view load on demand. */

import { lazy, Suspense } from 'react';
import { createBrowserRouter, Navigate, useLocation } from 'react-router';
// This one knows how to show a change at once (`flushSync`), which `useAddress` needs.
import { RouterProvider } from 'react-router/dom';
import { useSession } from './api/session';
import { loadSession } from './api/session';
import { Clients } from './pages/Clients';
import { SignIn } from './pages/SignIn';
import { Shell } from './shell/Shell';
import { Button, Empty, Failure, Loading } from './ui/parts';

const ClientLayout = lazy(() => import('./pages/ClientLayout'));
const ClientOverview = lazy(() => import('./pages/ClientOverview'));
const Collections = lazy(() => import('./pages/Collections'));
const Collect = lazy(() => import('./pages/Collect'));
const Collection = lazy(() => import('./pages/Collection'));
const Processes = lazy(() => import('./tree/ProcessPage'));
const Events = lazy(() => import('./pages/Events'));
const Artifacts = lazy(() => import('./pages/Artifacts'));
const Monitoring = lazy(() => import('./pages/Monitoring'));
const Server = lazy(() => import('./pages/Server'));

/** Everything but signing in needs a session; where one wanted to go is kept for afterwards. */
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
    <Empty icon="search" title="No such page" action={<Button onClick={() => window.history.back()}>Back</Button>}>
      <p>The address leads nowhere. Press Ctrl-K to find a machine, an artifact or a page.</p>
    </Empty>
  );
}

const router = createBrowserRouter([
  { path: '/sign-in', element: <SignIn /> },
  {
    element: <Guarded />,
    children: [
      { path: '/', element: <Navigate to="/clients" replace /> },
      { path: '/clients', element: <Clients /> },
      {
        path: '/clients/:id',
        element: <ClientLayout />,
        children: [
          { index: true, element: <ClientOverview /> },
          { path: 'collections', element: <Collections /> },
          { path: 'collections/new', element: <Collect /> },
          { path: 'collections/:flow', element: <Navigate to="overview" replace /> },
          { path: 'collections/:flow/:tab', element: <Collection /> },
          { path: 'processes', element: <Processes /> },
          { path: 'events', element: <Events /> },
          { path: 'events/:artifact', element: <Events /> },
        ],
      },
      { path: '/artifacts', element: <Artifacts /> },
      { path: '/artifacts/:name', element: <Artifacts /> },
      { path: '/monitoring', element: <Monitoring /> },
      { path: '/server', element: <Server /> },
      { path: '*', element: <NotFound /> },
    ],
  },
]);

export function App() {
  return (
    <Suspense fallback={<Loading what="page" />}>
      <RouterProvider router={router} />
    </Suspense>
  );
}
