export default function ClientLayout() { return null; }
