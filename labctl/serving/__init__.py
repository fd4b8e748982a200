"""Real WSGI servers as children that cannot outlive us, and how to ask them.

`application` says where an application is, `standing` starts a server with it, `asking` is the client, `loading`
looks at an application without serving it. What runs in the child is in `children`; nothing of a learner's
application is ever imported into this process.
"""
