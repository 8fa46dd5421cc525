export default function ProcessPage() { return null; }
