"""Is it new? Images against an index of training images, as one page and as JSON.

subjects    what is audited: stored pictures
models      what is audited: images that a model draws from seeds, here
measure     the scan: nearest images, mean and curve of each subject, here or by Ray Data
judged      what was found, with verdicts
statistics  intervals and chances
figures     the page's figures, by matplotlib; svg makes them follow the page's colours
page        one HTML file that needs nothing else
record      the same as JSON
command     `anime-gan audit`
"""
