export default function ClientOverview() { return null; }
