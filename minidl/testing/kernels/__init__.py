"""`minidl.check`: is a kernel right, and if not, what is its mistake?"""
