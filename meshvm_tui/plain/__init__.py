"""The wizard as questions and answers: plain lines for screen readers, dumb terminals and pipes.

Nothing here moves a cursor, needs a colour or paints a line twice. It uses the forms, the sessions and the engine of
the terminal app, so that a session begun here goes on there, and the other way round.
"""
