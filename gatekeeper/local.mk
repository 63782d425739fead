# gatekeeper
