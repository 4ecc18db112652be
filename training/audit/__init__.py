"""Is it new? Images against an index of training images, as one page and as JSON.

subjects       what is audited: stored pictures
models         what is audited: images that a model draws from seeds, here
detector       changed copies, by the copy detector
measure        the scan: nearest images, mean and curve of each subject, here or by Ray Data
auditing       conducts an audit
judged         what was found, with verdicts
statistics     intervals and chances
album          the pictures that are shown
closeness      the figure that opens a page; swarm places its thumbnails
figures        the others; all by matplotlib, in the colours of theme
illustrations  which figures there are, and their words; svg puts them into a page
page           one HTML file that needs nothing else; cards and words are its parts
record         the same as JSON
command        `anime-gan audit`
"""
