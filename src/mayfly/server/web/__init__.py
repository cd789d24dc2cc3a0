"""The pages: templates laid out on the server, kept live by server-sent events.

    routes/     one file a page: reads rows, shows a view, takes its forms
    views/      pure: from rows to what a template lays out
    templates/  layout only; everything is escaped
    static/     one style sheet and small ES modules, no build step

A GET changes nothing. Forms are the browser's own and carry the session's CSRF token, so that
everything but liveness works without scripts.
"""
