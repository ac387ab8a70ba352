"""What much of something costs: ports and addresses, rules, sessions."""

import scale_policy
import scale_ports
import scale_sessions
from progress import Progress
from tables import about, machine

PARTS = {"ports": scale_ports, "rules": scale_policy, "sessions": scale_sessions}


def run(arguments):
    here = machine()
    numbers = {"machine": here}
    print(f"scale: {about(here)}\n", flush=True)
    with Progress(len(arguments.part)) as progress:
        for part in arguments.part:
            progress.step(part)
            numbers[part] = PARTS[part].run()
            progress.clear()
            PARTS[part].report(numbers[part])
            print(flush=True)
    return numbers
